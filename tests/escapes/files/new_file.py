# tries: leaving a file behind, wherever it is allowed
# layer: kernel
import os


def run(ctx, params):
    held = []
    for name in (
        params["file"] + ".new",
        "/tmp/ceos-escaped",
        "ceos-escaped",
        "/dev/shm/ceos-escaped",
        "/ceos-escaped",
    ):
        try:
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600))
            return f"ESCAPED: {name}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
