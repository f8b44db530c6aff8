# tries: the beginning of a frame and nothing more
# layer: host
# limits: seconds=0.4
import os


def run(ctx, params):
    os.write(0, b"\0\0\1\0{")
    while True:
        pass
