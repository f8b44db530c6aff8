# tries: reading the zygote's memory by its file in /proc
# layer: kernel
import os


def run(ctx, params):
    held = []
    for pid in ("self", os.getppid(), 1, params["host_pid"]):
        try:
            with open(f"/proc/{pid}/mem", "rb") as file:
                return f"ESCAPED: {file}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
