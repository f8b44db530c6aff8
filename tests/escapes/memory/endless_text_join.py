# tries: an endless iterator joined into a text in C
# layer: both
# limits: seconds=1
import itertools


def run(ctx, params):
    return f"ESCAPED: {len(''.join(itertools.repeat('x' * 4096)))} characters"
