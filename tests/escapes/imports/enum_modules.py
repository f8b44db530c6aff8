# tries: the modules inside enum: sys and builtins
# layer: language
import enum


def run(ctx, params):
    for name in ("sys", "bltns", "operator"):
        found = getattr(enum, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
