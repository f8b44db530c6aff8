# tries: a frame of JSON that is a list, a text, a number
# layer: host
import os
import struct


def run(ctx, params):
    for body in (b'["t", "result"]', b'"result"', b"1", b"null"):
        os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
