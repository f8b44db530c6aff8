# tries: frames of types that nobody knows
# layer: host
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "report", "layers": {}, "v": "x"}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
