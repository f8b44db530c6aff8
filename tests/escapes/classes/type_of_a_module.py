# tries: the type of an imported module, and a module of its own
# layer: language
# plain: an empty module of the skill's own is harmless
import json


def run(ctx, params):
    kind = type(json)
    made = kind("os", {"system": 1})
    return f"ESCAPED: {made}"
