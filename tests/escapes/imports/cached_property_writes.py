# tries: cached_property writes into the dictionary of an instance under a name that it is told
# layer: language
from functools import cached_property


class Made:
    pass


def run(ctx, params):
    held = cached_property(lambda self: {"__builtins__": 1})
    held.__set_name__(Made, "__class__")
    return f"ESCAPED: {held.attrname}"
