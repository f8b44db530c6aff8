# tries: a parameter of a lambda named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    peek = lambda _getattr_: "text".anything
    return f"ESCAPED: {peek(lambda thing, name: name)}"
