# tries: an error whose traceback is a number
# layer: host
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "error", "type": "x", "message": "y", "trace": 5, "out": 5}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
