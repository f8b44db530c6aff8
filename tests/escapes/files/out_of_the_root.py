# tries: leaving the empty root by walking up
# layer: kernel
import os


def run(ctx, params):
    held = []
    for _ in range(3):
        try:
            os.chdir("..")
        except OSError as error:
            held.append(error.errno)
    try:
        os.chroot("../../../../..")
        return f"ESCAPED: {os.listdir('/')}"
    except OSError as error:
        held.append(error.errno)
    return f"held: {held}"
