class Tally(dict):
    def __missing__(self, key):
        return 0

    def add(self, key, amount=1):
        self[key] += amount
        return self


def run(ctx, params):
    tally = Tally()
    for word in params["text"].split():
        tally.add(word)
    return {"a": tally["a"], "z": tally["z"], "keys": sorted(tally), "json": dict(tally)}

# params: {"text": "a b a"}
# returns: {"a": 2, "z": 0, "keys": ["a", "b"], "json": {"a": 2, "b": 1}}
