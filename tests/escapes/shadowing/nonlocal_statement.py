# tries: a nonlocal statement that names a guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    def outer(_write_):
        def inner():
            nonlocal _write_
            _write_ = lambda thing: thing

        inner()
        params["x"] = 1
        return params

    return f"ESCAPED: {outer(None)}"
