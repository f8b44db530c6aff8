# tries: import os, the first thing anyone tries
# layer: language
import os


def run(ctx, params):
    return f"ESCAPED: {os.getpid()}"
