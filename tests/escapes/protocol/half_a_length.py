# tries: half a length and the end of the process
# layer: host
import os


def run(ctx, params):
    os.write(0, b"\0\0")
    os._exit(0)
