# tries: an enumeration made by a call, with names nobody checked
# layer: language
from enum import Enum


def run(ctx, params):
    made = Enum("Made", {"__getattr__": 1, "mro": 2}) if False else Enum("Made", ["_missing_x", "name_"])
    return f"ESCAPED: {list(made)}"
