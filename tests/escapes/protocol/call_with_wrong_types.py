# tries: a call whose method is a list and whose arguments are texts
# layer: host
# grants: memory
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "call", "m": ["memory_get"], "a": "key", "k": None}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    length = struct.unpack(">I", os.read(0, 4))[0]
    return f"ESCAPED: the host answered {os.read(0, length)}"
