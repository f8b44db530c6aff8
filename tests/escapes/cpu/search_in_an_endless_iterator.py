# tries: looking for what never comes in an endless iterator in C
# layer: both
# limits: seconds=0.4
import itertools


def run(ctx, params):
    return f"ESCAPED: {-1 in itertools.count()}"
