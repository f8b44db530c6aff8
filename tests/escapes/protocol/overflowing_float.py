# tries: a number that becomes infinite only when it is read
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": "result", "v": 1e999, "out": []}'
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
