# tries: a copy of a module that may be written to
# layer: language
# plain: modules are not copied in plain Python
import copy
import json


def run(ctx, params):
    other = copy.copy(json)
    other.loads = len
    return f"ESCAPED: {other.loads('{}')}"
