# tries: UserString.format calls the real str.format
# layer: language
from collections import UserString


def run(ctx, params):
    return f"ESCAPED: {UserString('{0.__class__.__base__}').format(())}"
