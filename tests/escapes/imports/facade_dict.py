# tries: the dictionary behind a read-only module
# layer: language
import json


def run(ctx, params):
    return f"ESCAPED: {list(json.__dict__)}"
