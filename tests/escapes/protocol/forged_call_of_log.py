# tries: a call of what is granted but never leaves the child
# layer: host
# grants: log, now
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "call", "m": "log", "a": ["x"], "k": {}}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    length = struct.unpack(">I", os.read(0, 4))[0]
    return f"ESCAPED: the host answered {os.read(0, length)}"
