# tries: every module that re keeps, by getattr
# layer: language
import re


def run(ctx, params):
    for name in ("enum", "functools", "copyreg", "_compiler", "_parser"):
        found = getattr(re, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
