# tries: leaving a process behind that belongs to nobody
# layer: kernel
import os


def run(ctx, params):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                with open(params["file"] + ".daemon", "w", encoding="utf-8") as file:
                    file.write("ESCAPED")
            os._exit(0)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: a daemon"
