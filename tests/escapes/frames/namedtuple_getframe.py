# tries: namedtuple reads the caller's frame to name its module
# layer: language
# plain: reading one's own module name is harmless
from collections import namedtuple


def run(ctx, params):
    made = namedtuple("Made", "a b")
    where = getattr(made, "__mod" + "ule__")
    return f"ESCAPED: made in {where}"
