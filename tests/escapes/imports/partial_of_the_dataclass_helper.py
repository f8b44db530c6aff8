# tries: the function inside a partial that a trusted decorator hands out
# layer: language
# plain: only the sandbox's own helper could be reached
from dataclasses import dataclass


def run(ctx, params):
    inner = dataclass(frozen=True)
    found = getattr(inner, "func", None)
    if found is not None and getattr(found, "__glo" + "bals__", None) is not None:
        return f"ESCAPED: {found}"
    return "held: nothing behind it"
