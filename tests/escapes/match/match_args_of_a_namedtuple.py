# tries: the __match_args__ of a namedtuple with a field named like an internal
# layer: language
# plain: namedtuple refuses such names itself
from collections import namedtuple


def run(ctx, params):
    made = namedtuple("Made", ["__class__", "gi_frame"], rename=False)
    match made(1, 2):
        case made(first, second):
            return f"ESCAPED: {first} {second}"
    return "held: no match"
