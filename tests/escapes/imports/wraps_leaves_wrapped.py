# tries: functools.wraps hands out the function and its globals
# layer: language
from functools import wraps


def run(ctx, params):
    def inner():
        return 1

    @wraps(inner)
    def outer():
        return 2

    return f"ESCAPED: {outer.__wrapped__.__globals__}"
