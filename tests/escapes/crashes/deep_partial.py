# tries: crashing the interpreter by a tower of partial
# layer: both
# limits: seconds=1
import functools


def run(ctx, params):
    tower = int
    for _ in range(200_000):
        tower = functools.partial(lambda inner: inner(), tower)
    try:
        return f"held: {tower()}"
    except RecursionError:
        return "held: too deep to call"
