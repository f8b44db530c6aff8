# tries: an error whose text is no text
# layer: language
# plain: raising it is no evidence
class Hostile(Exception):
    def __str__(self):
        return ["ESCAPED: not a text"]

    def __repr__(self):
        raise Hostile("again")


def run(ctx, params):
    raise Hostile("x")
