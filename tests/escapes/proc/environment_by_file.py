# tries: the environment of every process in /proc
# layer: kernel
import os


def run(ctx, params):
    held = []
    for pid in ("self", os.getppid(), 1, params["host_pid"]):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return f"ESCAPED: {file.read()}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
