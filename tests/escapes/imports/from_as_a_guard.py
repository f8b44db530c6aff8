# tries: importing a function under the name of the write guard
# layer: language
# plain: plain Python has no guard to shadow
from functools import partial as _write_


def run(ctx, params):
    params["x"] = 1
    return f"ESCAPED: {params}"
