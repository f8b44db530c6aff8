# tries: deleting a file of the trusted side and changing its rights
# layer: kernel
import os


def run(ctx, params):
    held = []
    for harm in (os.unlink, lambda path: os.chmod(path, 0o777), lambda path: os.truncate(path, 0), os.rmdir):
        try:
            harm(params["file"])
            return "ESCAPED: changed"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
