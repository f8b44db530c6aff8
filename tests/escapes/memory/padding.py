# tries: padding of a gigabyte by the methods of a text
# layer: both
def run(ctx, params):
    text = "x".ljust(1 << 30)
    return f"ESCAPED: {len(text):,} characters"
