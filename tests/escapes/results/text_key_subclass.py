# tries: a key of a class of the attacker's
# layer: host
class Key(str):
    def __str__(self):
        return "ESCAPED: another key"


def run(ctx, params):
    return {Key("held"): 1}
