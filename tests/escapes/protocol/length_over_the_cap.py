# tries: a frame one byte over the cap
# layer: host
import os
import struct


def run(ctx, params):
    os.write(0, struct.pack(">I", 1024 * 1024 + 8 * 16 * 1024 + 4097))
    return "ESCAPED: still connected"
