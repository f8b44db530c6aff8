# tries: the readable __class__ of every kind of thing, up to the metaclass
# layer: language
import json
import re


class Made:
    pass


def run(ctx, params):
    for thing in (Made, int, json, ctx, run, print, re.compile("x"), re.match("x", "x"), (one for one in []), iter([])):
        try:
            found = getattr(thing, "__cla" + "ss__")
        except (AttributeError, TypeError):
            continue
        try:
            made = found("Other", (), {"__getattr__": lambda self, name: name})
        except (AttributeError, TypeError):
            continue
        return f"ESCAPED: {made}"
    return "held: no class makes a class"
