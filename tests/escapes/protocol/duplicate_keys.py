# tries: a frame whose type is named twice
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": "call", "v": "held", "t": "result", "out": []}'
    os.write(0, struct.pack(">I", len(body)) + body)
    return "held: returned"
