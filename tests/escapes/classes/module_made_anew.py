# tries: calling the constructor of a module again, to put other names into it
# layer: language
# plain: modules of plain Python can be written to anyhow
import json


def run(ctx, params):
    for name in ("__init__", "__setitem__", "__ior__", "__call__"):
        try:
            getattr(json, name)("json", {"loads": print})
            return f"ESCAPED: {json}"
        except (AttributeError, TypeError):
            continue
    try:
        json.__init__("json", {"loads": print})
    except (AttributeError, TypeError) as error:
        return f"held: {error}"
    return f"ESCAPED: {json.loads}"
