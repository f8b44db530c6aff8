# tries: an augmented assignment to an attribute of what may not be written to
# layer: language
# plain: only the guard makes ctx read-only
def run(ctx, params):
    ctx.topic += "x"
    return f"ESCAPED: {ctx.topic}"
