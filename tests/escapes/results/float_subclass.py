# tries: a float of a class of the attacker's whose text is not a number
# layer: host
class Number(float):
    def __repr__(self):
        return '1, "v": "ESCAPED: written into the frame"'


def run(ctx, params):
    return [Number(1.5)]
