# tries: the variable of a generator expression inside a call
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    return f"ESCAPED: {list('text'.anything for _getattr_ in [lambda thing, name: name])}"
