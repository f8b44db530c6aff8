# tries: the variable of a for loop named like the write guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    for _write_ in [lambda thing: thing]:
        params["x"] = 1
    return f"ESCAPED: {params}"
