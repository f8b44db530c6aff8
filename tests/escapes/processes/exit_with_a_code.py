# tries: ending with the code of a child that never saw a skill
# layer: kernel
import os


def run(ctx, params):
    os._exit(96)
