# tries: the modules inside fractions and decimal
# layer: language
import decimal
import fractions


def run(ctx, params):
    for module in (fractions, decimal):
        for name in ("sys", "re", "operator", "numbers", "_decimal", "getcontext", "setcontext"):
            found = getattr(module, name, None)
            if found is not None:
                return f"ESCAPED: {found}"
    return "held: no module inside"
