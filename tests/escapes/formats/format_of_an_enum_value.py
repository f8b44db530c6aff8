# tries: str.format of the value of a member, which an attribute called value hands out
# layer: language
from enum import Enum


class Text(Enum):
    WALK = "{0.__class__.__base__}"


def run(ctx, params):
    return f"ESCAPED: {Text.WALK.value.format(())}"
