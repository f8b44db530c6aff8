# tries: becoming a Python without locks
# layer: kernel
import os
import sys


def run(ctx, params):
    try:
        os.execv(sys.executable or "/usr/bin/python3", ["python3", "-c", "pass"])
    except OSError as error:
        return f"held: {error}"
