# tries: waiting for an answer to a question that was never asked
# layer: kernel
# limits: seconds=0.4
import os


def run(ctx, params):
    return f"ESCAPED: {os.read(0, 1)}"
