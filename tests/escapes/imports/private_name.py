# tries: importing a private name from an offered module
# layer: language
from random import _os


def run(ctx, params):
    return f"ESCAPED: {_os.getpid()}"
