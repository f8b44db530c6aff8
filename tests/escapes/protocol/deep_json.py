# tries: a frame nested a hundred thousand deep
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": "result", "v": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
