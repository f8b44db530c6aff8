# tries: the function inside a partial, where a trusted helper may be one
# layer: language
# grants: log
# plain: only the sandbox's own helpers could be partials
import math
import re


def run(ctx, params):
    for thing in (re.sub, re.compile, math.factorial, ctx.log, print, getattr):
        inner = getattr(thing, "func", None) or getattr(thing, "args", None)
        if inner is not None:
            return f"ESCAPED: {inner}"
    return "held: no partial"
