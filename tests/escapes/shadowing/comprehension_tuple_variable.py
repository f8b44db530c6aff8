# tries: a variable inside the tuple of a comprehension
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    pairs = [(1, lambda thing, name: name)]
    return f"ESCAPED: {['text'.anything for one, _getattr_ in pairs]}"
