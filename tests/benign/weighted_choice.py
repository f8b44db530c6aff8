import random


def run(ctx, params):
    rng = random.Random(7)
    names, weights = zip(*params["weights"].items())
    picks = rng.choices(names, weights=weights, k=200)
    first = random.random()
    return {"only": sorted(set(picks)), "more_b": picks.count("b") > picks.count("a"), "in_range": 0 <= first < 1}

# params: {"weights": {"a": 1, "b": 3}}
# returns: {"only": ["a", "b"], "more_b": true, "in_range": true}
