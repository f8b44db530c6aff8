# tries: padding of a gigabyte by the percent operator
# layer: both
def run(ctx, params):
    text = "%*d" % (1 << 30, 1)
    return f"ESCAPED: {len(text):,} characters"
