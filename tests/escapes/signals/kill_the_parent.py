# tries: a signal to the zygote
# layer: kernel
import os


def run(ctx, params):
    try:
        # Zero asks only whether it might.
        os.kill(os.getppid(), 0)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: the zygote may be signalled"
