# tries: the devices of memory and disks
# layer: kernel
import os


def run(ctx, params):
    held = []
    for name in (
        "/dev/mem",
        "/dev/kmem",
        "/dev/vda",
        "/dev/sda",
        "/dev/kvm",
        "/dev/net/tun",
        "/dev/null",
        "/dev/urandom",
    ):
        try:
            return f"ESCAPED: {os.open(name, os.O_RDONLY)} {name}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
