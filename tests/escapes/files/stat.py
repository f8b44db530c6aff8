# tries: finding out whether a file exists, without opening it
# layer: kernel
import os


def run(ctx, params):
    held = []
    for ask in (os.stat, os.lstat, lambda path: os.readlink("/proc/self/exe"), os.statvfs, os.listxattr):
        try:
            return f"ESCAPED: {ask(params['file'])}"
        except OSError as error:
            held.append(error.errno)
    if os.access(params["file"], os.F_OK):
        return "ESCAPED: it exists"
    return f"held: {held}"
