# tries: the slots behind a read-only module, by every name they might have
# layer: language
# plain: real modules have no such slots
import json


def run(ctx, params):
    for name in ("_d", "_n", "_names", "_module", "__slots__", "__getattr__", "names", "module", "name", "values"):
        found = getattr(json, name, None)
        if found is not None:
            return f"ESCAPED: {name} {found}"
    return "held: nothing behind it"
