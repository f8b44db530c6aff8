# tries: mro, the public method of every class, leads to object
# layer: language
def run(ctx, params):
    base = str.mro()[-1]
    return f"ESCAPED: {base}"
