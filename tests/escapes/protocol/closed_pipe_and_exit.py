# tries: closing the pipe and ending cleanly
# layer: host
import os


def run(ctx, params):
    os.close(0)
    os._exit(0)
