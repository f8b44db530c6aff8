# tries: processes that make processes
# layer: kernel
import os


def run(ctx, params):
    made = 0
    for _ in range(8):
        try:
            if os.fork() == 0:
                os._exit(0)
            made += 1
        except OSError:
            break
    if made:
        return f"ESCAPED: {made} processes"
    return "held: not one process"
