import random


def run(ctx, params):
    rng = random.Random(42)
    quotes = list(params["quotes"])
    rng.shuffle(quotes)
    assert sorted(quotes) == sorted(params["quotes"])
    return {"quote": random.choice(quotes) in params["quotes"], "sample": sorted(random.sample(range(3), 3))}

# params: {"quotes": ["Less is more.", "Ship it.", "Stay curious."]}
# returns: {"quote": true, "sample": [0, 1, 2]}
