# tries: the modules inside typing
# layer: language
import typing


def run(ctx, params):
    for name in ("sys", "types", "functools", "operator", "re", "contextlib", "io"):
        found = getattr(typing, name, None)
        if found is not None and getattr(found, "modules", None) is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
