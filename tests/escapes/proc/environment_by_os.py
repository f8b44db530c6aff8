# tries: the secrets in the environment, as Python sees it
# layer: kernel
import os


def run(ctx, params):
    if os.environ:
        return f"ESCAPED: {dict(os.environ)}"
    return "held: the environment is empty"
