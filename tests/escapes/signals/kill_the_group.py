# tries: a signal to the group it was started in
# layer: kernel
import os


def run(ctx, params):
    try:
        os.killpg(0, 0)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: the group may be signalled"
