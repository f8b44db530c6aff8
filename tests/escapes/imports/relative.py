# tries: a relative import, from wherever the sandbox's code lives
# layer: language
# plain: there is no package to be relative to
from . import child


def run(ctx, params):
    return f"ESCAPED: {child}"
