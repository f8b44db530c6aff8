# tries: crashing the interpreter by iterators nested a hundred thousand deep
# layer: both
# limits: seconds=1
import itertools


def run(ctx, params):
    iterator = iter([1])
    for _ in range(200_000):
        iterator = itertools.chain(iterator)
    return f"held: {next(iterator)}"
