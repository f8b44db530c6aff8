# tries: importing a private name under a harmless one
# layer: language
from random import _os as system


def run(ctx, params):
    return f"ESCAPED: {system.getpid()}"
