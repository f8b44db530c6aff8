# tries: a text that doubles
# layer: both
def run(ctx, params):
    text = "x"
    while len(text) < 1 << 29:
        text += text
    return f"ESCAPED: {len(text):,} characters"
