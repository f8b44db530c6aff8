# tries: the module leak of utility_builtins: the loader behind math
# layer: language
import math


def run(ctx, params):
    loader = getattr(math, "__loader" + "__")
    return f"ESCAPED: {loader}"
