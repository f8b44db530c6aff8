# tries: a process of its own
# layer: kernel
import os


def run(ctx, params):
    try:
        pid = os.fork()
    except OSError as error:
        return f"held: {error}"
    if pid == 0:
        os._exit(0)
    return f"ESCAPED: process {pid}"
