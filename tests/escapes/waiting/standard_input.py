# tries: reading a line from the standard input, which is the pipe
# layer: kernel
# limits: seconds=0.4
import os


def run(ctx, params):
    with os.fdopen(0, "rb", closefd=False) as file:
        return f"ESCAPED: {file.readline()}"
