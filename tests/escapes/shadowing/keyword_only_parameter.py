# tries: a keyword-only parameter named like the write guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    def poke(thing, *, _write_):
        thing["x"] = 1
        return thing

    return f"ESCAPED: {poke(params, _write_=lambda thing: thing)}"
