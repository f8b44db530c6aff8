# tries: the variable of a comprehension named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    return f"ESCAPED: {['text'.anything for _getattr_ in [lambda thing, name: name]]}"
