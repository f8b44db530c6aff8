# tries: a walk from a keyword argument
# layer: language
def run(ctx, params):
    text = "{run.__globals__}".format(run=run)
    return f"ESCAPED: {text[:60]}"
