# tries: an endless iterator made into a list in C
# layer: both
# limits: seconds=1
import itertools


def run(ctx, params):
    return f"ESCAPED: {len(list(itertools.repeat('x', 1 << 28)))} items"
