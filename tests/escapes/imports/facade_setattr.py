# tries: writing to a module by setattr and deleting from it
# layer: language
# plain: real modules can be written to, which is why none is handed out
import json


def run(ctx, params):
    setattr(json, "loads", len)
    return f"ESCAPED: {json.loads('{}')}"
