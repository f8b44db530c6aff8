# tries: a call of a method that was never granted, written on the pipe
# layer: host
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "call", "m": "http_get", "a": ["http://127.0.0.1/"], "k": {}}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    length = struct.unpack(">I", os.read(0, 4))[0]
    return f"ESCAPED: the host answered {os.read(0, length)}"
