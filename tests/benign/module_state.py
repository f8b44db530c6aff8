seen = set()
counter = 0


def visit(name):
    global counter
    counter += 1
    if name in seen:
        return False
    seen.add(name)
    return True


def run(ctx, params):
    flags = [visit(name) for name in params["names"]]
    return {"flags": flags, "counter": counter, "seen": sorted(seen)}

# params: {"names": ["a", "b", "a"]}
# returns: {"flags": [true, true, false], "counter": 3, "seen": ["a", "b"]}
