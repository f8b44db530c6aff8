# tries: str.format of a member of an enumeration of texts
# layer: language
from enum import Enum


class Text(str, Enum):
    WALK = "{0.__class__.__base__}"


def run(ctx, params):
    return f"ESCAPED: {Text.WALK.format(())}"
