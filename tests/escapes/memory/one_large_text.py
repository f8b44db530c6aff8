# tries: one text of a gigabyte
# layer: both
def run(ctx, params):
    text = "x" * (1 << 30)
    return f"ESCAPED: {len(text):,} characters"
