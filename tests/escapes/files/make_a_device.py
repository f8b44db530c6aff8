# tries: making a device of its own
# layer: kernel
import os
import stat


def run(ctx, params):
    try:
        os.mknod("escaped", 0o600 | stat.S_IFCHR, os.makedev(1, 1))
        return "ESCAPED: a device"
    except OSError as error:
        return f"held: {error}"
