# tries: ending cleanly without an answer, to look like nobody's fault
# layer: kernel
import os


def run(ctx, params):
    os._exit(0)
