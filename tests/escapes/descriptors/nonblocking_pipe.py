# tries: changing the flags of the pipe, which the zygote shares
# layer: kernel
import os


def run(ctx, params):
    try:
        os.set_blocking(0, False)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: the flags were changed"
