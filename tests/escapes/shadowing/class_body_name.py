# tries: a name in a class body that shadows the guard for the rest of the body
# layer: language
# plain: plain Python has no guard to shadow
class Made:
    _getattr_ = lambda thing, name: name
    found = "text".anything


def run(ctx, params):
    return f"ESCAPED: {Made.found}"
