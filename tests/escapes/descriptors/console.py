# tries: the terminal that the trusted side was started from
# layer: kernel
def run(ctx, params):
    held = []
    for name in ("/dev/tty", "/dev/console", "/dev/pts/0", "/dev/stdout"):
        try:
            with open(name, "wb", buffering=0) as file:
                return f"ESCAPED: {file.write(b'')} to {name}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
