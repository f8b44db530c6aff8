# tries: two results, the second in the name of the next call
# layer: host
import json
import os
import struct


def run(ctx, params):
    for value in ("held: first", "ESCAPED: the second result was read"):
        body = json.dumps({"t": "result", "v": value, "out": []}).encode()
        os.write(0, struct.pack(">I", len(body)) + body)
    return "held: third"
