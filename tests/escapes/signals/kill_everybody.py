# tries: a signal to every process there is
# layer: kernel
import os


def run(ctx, params):
    try:
        os.kill(-1, 0)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: everybody may be signalled"
