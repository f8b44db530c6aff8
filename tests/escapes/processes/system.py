# tries: another program by the C library's system
# layer: kernel
import os


def run(ctx, params):
    status = os.system("id")
    if status == 0:
        return "ESCAPED: a shell ran"
    return f"held: {status}"
