# tries: a length that is negative for whoever reads it with a sign
# layer: host
import os
import struct


def run(ctx, params):
    os.write(0, struct.pack(">i", -1) + b"{}")
    return "ESCAPED: still connected"
