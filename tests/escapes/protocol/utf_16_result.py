# tries: a result in UTF-16, which the parser detects by itself
# layer: host
import os
import struct


def run(ctx, params):
    body = '{"t": "result", "v": "held: read as utf-16", "out": []}'.encode("utf-16")
    os.write(0, struct.pack(">I", len(body)) + body)
    return "held: returned"
