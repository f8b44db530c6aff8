# tries: a dict of a class of the attacker's with items of its own
# layer: host
class Shifting(dict):
    def items(self):
        return [("v", "ESCAPED: not what was checked")]

    def __iter__(self):
        return iter(["v"])


def run(ctx, params):
    return Shifting(a=1)
