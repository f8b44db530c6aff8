# tries: an enumeration called with the arguments that make another one
# layer: language
from enum import Enum


class Base(Enum):
    pass


def run(ctx, params):
    made = Base("Made", ["A", "B"])
    return f"ESCAPED: {list(made)}"
