# tries: lifting the limits of the process above, and of the trusted side
# layer: kernel
import os
import resource


def run(ctx, params):
    held = []
    for pid in (os.getppid(), params["host_pid"], 1):
        try:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))
            return f"ESCAPED: the limits of process {pid} were changed"
        except (OSError, ValueError) as error:
            held.append(type(error).__name__)
    return f"held: {held}"
