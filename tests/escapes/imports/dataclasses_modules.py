# tries: the modules inside dataclasses: sys, inspect, builtins
# layer: language
import dataclasses


def run(ctx, params):
    for name in ("sys", "inspect", "builtins", "types", "functools", "_thread", "keyword"):
        found = getattr(dataclasses, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
