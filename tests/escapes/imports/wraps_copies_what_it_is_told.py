# tries: functools.wraps told to copy the code of a function
# layer: language
from functools import wraps


def run(ctx, params):
    def inner():
        return 1

    @wraps(inner, assigned=("__code__",), updated=("__dict__",))
    def outer():
        return 2

    if outer() == 2:
        return "held: only the name was copied"
    return f"ESCAPED: {outer()}"
