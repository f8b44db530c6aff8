# tries: listing the root, the working folder and the folder above
# layer: kernel
import os


def run(ctx, params):
    held = []
    for folder in ("/", ".", "..", "/etc", params["file"].rpartition("/")[0]):
        try:
            found = os.listdir(folder)
            if found:
                return f"ESCAPED: {folder} {found}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
