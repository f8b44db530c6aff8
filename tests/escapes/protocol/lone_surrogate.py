# tries: half a surrogate pair in a frame, written as an escape
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": "result", "v": "\\ud800", "out": []}'
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
