# tries: what a trusted helper wraps, under every public name such things have
# layer: language
# grants: log
# plain: only the sandbox's own helpers could be wrappers
import json
import random
import re


def run(ctx, params):
    for thing in (re.sub, json.dumps, random.choice, ctx.log, print, getattr, sorted, type):
        for name in ("wrapped", "target", "function", "fn", "f", "o", "obj", "owner", "module", "real", "write"):
            try:
                return f"ESCAPED: {getattr(thing, name)}"
            except AttributeError:
                continue
    return "held: nothing wrapped"
