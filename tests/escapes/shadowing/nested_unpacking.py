# tries: unpacking into a list inside a tuple, one name of it a guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    one, [two, _getattr_] = 1, [2, lambda thing, name: name]
    return f"ESCAPED: {'text'.anything}"
