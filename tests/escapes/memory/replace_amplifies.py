# tries: replacing nothing by something long
# layer: both
def run(ctx, params):
    text = ("x" * 100_000).replace("", "y" * 10_000)
    return f"ESCAPED: {len(text):,} characters"
