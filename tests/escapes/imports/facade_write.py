# tries: writing to a module that every later skill shares
# layer: language
# plain: real modules can be written to, which is why none is handed out
import json


def run(ctx, params):
    json.loads = lambda text: "mine"
    return f"ESCAPED: {json.loads('{}')}"
