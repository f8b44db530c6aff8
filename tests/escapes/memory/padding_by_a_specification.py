# tries: padding of a gigabyte by the width in a format specification
# layer: both
def run(ctx, params):
    width = 1 << 30
    text = f"{1:{width}}"
    return f"ESCAPED: {len(text):,} characters"
