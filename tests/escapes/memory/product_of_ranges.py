# tries: a product of iterators, all of whose pools are kept
# layer: both
import itertools


def run(ctx, params):
    pools = itertools.product(range(1 << 26), repeat=2)
    return f"ESCAPED: {next(pools)}"
