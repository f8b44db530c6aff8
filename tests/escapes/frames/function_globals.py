# tries: the globals and the closure of a function of its own
# layer: language
def run(ctx, params):
    return f"ESCAPED: {list(run.__globals__)}"
