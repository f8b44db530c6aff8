# tries: str.format inside functools.partial
# layer: language
from functools import partial


def run(ctx, params):
    write = partial(str.format, "{0.__class__.__base__}")
    return f"ESCAPED: {write(())}"
