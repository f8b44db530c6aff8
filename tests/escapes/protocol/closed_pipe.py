# tries: closing the pipe and going on
# layer: host
# limits: seconds=0.5
import os


def run(ctx, params):
    os.close(0)
    while True:
        pass
