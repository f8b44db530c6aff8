def stats(*values, scale=1, **options):
    return len(values), sum(values) * scale, sorted(options)


def run(ctx, params):
    first, *middle, last = params["items"]
    (a, b), c = [1, 2], 3
    a, b = b, a
    head, (second, *rest) = "x", (1, 2, 3)
    merged = {**{"k": 1}, "j": 2, **dict(z=3)}
    pairs = [f"{key}={value}" for key, (value, _) in {"p": (1, 2)}.items()]
    return [first, middle, last, a, b, c, second, rest, merged, stats(*middle, scale=2, **{"u": 1, "t": 2}), pairs, [*"ab", *(1,)]]

# params: {"items": [1, 2, 3, 4, 5]}
# returns: [1, [2, 3, 4], 5, 2, 1, 3, 1, [2, 3], {"k": 1, "j": 2, "z": 3}, [3, 18, ["t", "u"]], ["p=1"], ["a", "b", 1]]
