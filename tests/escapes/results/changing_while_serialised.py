# tries: a dict whose keys change it while it is written down
# layer: host
class Key:
    def __hash__(self):
        return 1

    def __str__(self):
        found.clear()
        return "ESCAPED: a key of its own"


found = {}


def run(ctx, params):
    found[Key()] = 1
    found["x"] = 2
    return found
