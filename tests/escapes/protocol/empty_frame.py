# tries: a frame of nothing
# layer: host
import os


def run(ctx, params):
    os.write(0, b"\0\0\0\0")
    return "ESCAPED: still connected"
