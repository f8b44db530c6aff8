# tries: a frame whose type is a list
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": ["result"], "v": "x"}'
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
