# tries: stopping itself, so that it neither ends nor computes
# layer: kernel
# limits: seconds=0.4
import os
import signal


def run(ctx, params):
    try:
        os.kill(os.getpid(), signal.SIGSTOP)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: it may signal"
