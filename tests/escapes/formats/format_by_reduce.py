# tries: str.format as the function of functools.reduce
# layer: language
from functools import reduce


def run(ctx, params):
    return f"ESCAPED: {reduce(str.format, ['{0.__class__.__base__}', ()])}"
