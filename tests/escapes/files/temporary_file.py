# tries: a file without a name
# layer: kernel
import os


def run(ctx, params):
    held = []
    for folder in ("/tmp", "/", ".", "/dev/shm"):
        try:
            return f"ESCAPED: {os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
