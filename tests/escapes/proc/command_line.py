# tries: the command lines of all processes
# layer: kernel
import os


def run(ctx, params):
    try:
        return f"ESCAPED: {os.listdir('/proc')}"
    except OSError as error:
        return f"held: {error}"
