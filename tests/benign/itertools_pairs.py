import itertools


def run(ctx, params):
    items = params["items"]
    return {
        "pairs": ["".join(pair) for pair in itertools.combinations(items, 2)],
        "windows": [list(pair) for pair in itertools.pairwise(items)],
        "chain": list(itertools.chain.from_iterable([[1], [2, 3]])),
        "groups": {key: len(list(group)) for key, group in itertools.groupby("aaabbc")},
        "cycle": list(itertools.islice(itertools.cycle("ab"), 5)),
        "zipped": list(itertools.zip_longest([1, 2], [3], fillvalue=0)),
        "running": list(itertools.accumulate([1, 2, 3])),
    }

# params: {"items": ["x", "y", "z"]}
# returns: {"pairs": ["xy", "xz", "yz"], "windows": [["x", "y"], ["y", "z"]], "chain": [1, 2, 3], "groups": {"a": 3, "b": 2, "c": 1}, "cycle": ["a", "b", "a", "b", "a"], "zipped": [[1, 3], [2, 0]], "running": [1, 3, 6]}
