# tries: a frame that claims four gigabytes
# layer: host
import os


def run(ctx, params):
    os.write(0, b"\xff\xff\xff\xff" + b"x" * 1000)
    return "ESCAPED: still connected"
