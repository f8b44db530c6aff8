# tries: counting the permutations of thirty things
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import itertools


def run(ctx, params):
    return f"ESCAPED: {sum(1 for one in itertools.permutations(range(30)))}"
