# tries: the star parameters named like guards
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    def peek(*_getiter_, **_getattr_):
        return [one for one in [1]]

    return f"ESCAPED: {peek(1)}"
