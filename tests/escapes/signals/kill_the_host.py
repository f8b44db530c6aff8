# tries: a signal to the trusted side
# layer: kernel
import os


def run(ctx, params):
    try:
        os.kill(params["host_pid"], 0)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: the trusted side may be signalled"
