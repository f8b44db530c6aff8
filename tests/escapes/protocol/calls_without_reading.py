# tries: calls by the hundred without reading one answer
# layer: host
# grants: memory
# limits: seconds=1
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "call", "m": "memory_get", "a": ["key"], "k": {}}).encode()
    for _ in range(5000):
        os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: five thousand calls"
