# tries: a list of a class of the attacker's that answers differently every time it is walked
# layer: host
class Shifting(list):
    def __iter__(self):
        self.append(1)
        return iter(["ESCAPED: not what was checked"])


def run(ctx, params):
    return {"list": Shifting([1, 2])}
