# tries: the modules inside json
# layer: language
import json


def run(ctx, params):
    return f"ESCAPED: {json.codecs.open}"
