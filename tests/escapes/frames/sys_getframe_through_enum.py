# tries: the functional API of Enum reads the caller's frame; its module name shows whose globals it saw
# layer: language
# plain: reading one's own module name is harmless
from enum import Enum


def run(ctx, params):
    made = Enum("Made", "A B")
    where = getattr(made, "__mod" + "ule__")
    return f"ESCAPED: made in {where}"
