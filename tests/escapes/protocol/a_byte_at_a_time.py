# tries: a frame that arrives one byte at a time, to be given more time with each
# layer: host
# limits: seconds=0.4
import os
import time


def run(ctx, params):
    os.write(0, b"\0\0\x20\0")
    while True:
        os.write(0, b" ")
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            pass
