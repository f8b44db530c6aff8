from functools import cache, cmp_to_key, partial, reduce


@cache
def square(n):
    return n * n


def compare(a, b):
    return (a.lower() > b.lower()) - (a.lower() < b.lower())


def run(ctx, params):
    power_of_two = partial(pow, 2)
    return [
        reduce(lambda total, n: total + square(n), range(4), 0),
        sorted(params["words"], key=cmp_to_key(compare)),
        power_of_two(5),
    ]

# params: {"words": ["b", "A", "c"]}
# returns: [14, ["A", "b", "c"], 32]
