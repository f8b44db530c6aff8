# tries: a refusal without a single violation
# layer: host
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "rejected", "violations": []}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
