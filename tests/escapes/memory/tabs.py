# tries: tabs that expand to a gigabyte
# layer: both
def run(ctx, params):
    text = ("\t" * 1024).expandtabs(1 << 20)
    return f"ESCAPED: {len(text):,} characters"
