# tries: writing without end
# layer: host
# limits: seconds=0.5
import os


def run(ctx, params):
    while True:
        os.write(0, b" " * 65536)
