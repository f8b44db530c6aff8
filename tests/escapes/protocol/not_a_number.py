# tries: NaN and infinity in a frame, which Python's parser accepts
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": "result", "v": [NaN, Infinity, -Infinity, 1e999], "out": []}'
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
