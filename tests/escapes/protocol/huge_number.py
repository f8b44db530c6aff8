# tries: a number of a million digits in a frame
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": "result", "v": ' + b"9" * 1_000_000 + b"}"
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
