# tries: another program by posix_spawn, which needs no fork
# layer: kernel
import os


def run(ctx, params):
    try:
        return f"ESCAPED: {os.posix_spawn('/bin/sh', ['sh', '-c', 'id'], {})}"
    except OSError as error:
        return f"held: {error}"
