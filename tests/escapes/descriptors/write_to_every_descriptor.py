# tries: writing to every descriptor that might have been left open
# layer: kernel
import os


def run(ctx, params):
    found = []
    for number in range(1, 4096):
        try:
            found.append((number, os.write(number, b"ESCAPED\n")))
        except OSError:
            continue
    if found:
        return f"ESCAPED: {found}"
    return "held: no descriptor but the pipe"
