# tries: the root of the host by way of /proc
# layer: kernel
import os


def run(ctx, params):
    held = []
    for name in ("/proc/1/root", "/proc/self/root/..", f"/proc/{params['host_pid']}/cwd", "/proc/self/cwd"):
        try:
            return f"ESCAPED: {os.listdir(name)}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
