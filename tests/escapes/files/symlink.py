# tries: a symbolic link that leads the trusted side elsewhere
# layer: kernel
import os


def run(ctx, params):
    held = []
    for make in (os.symlink, os.link, os.rename):
        try:
            make(params["file"], params["file"] + ".link")
            return "ESCAPED: a link"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
