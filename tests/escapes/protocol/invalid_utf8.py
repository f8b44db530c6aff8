# tries: a frame that is no UTF-8, and one that is UTF-16
# layer: host
import os
import struct


def run(ctx, params):
    for body in (b'{"t": "\xff\xfe"}', '{"t": "result", "v": "ESCAPED: read as utf-16"}'.encode("utf-16")):
        os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
