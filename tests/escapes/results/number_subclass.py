# tries: a number of a class of the attacker's whose text is not a number
# layer: host
class Number(int):
    def __repr__(self):
        return '1, "v": "ESCAPED: written into the frame"'

    def bit_length(self):
        return 1


def run(ctx, params):
    return {"number": Number(5)}
