# tries: opening the pipe again by its name in /proc
# layer: kernel
import os


def run(ctx, params):
    held = []
    for name in ("/proc/self/fd/0", "/dev/fd/0", "/proc/thread-self/fd/0"):
        try:
            return f"ESCAPED: {os.open(name, os.O_RDWR)}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
