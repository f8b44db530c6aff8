# tries: an error that raises another one while it is reported, without end
# layer: language
# plain: raising it is no evidence
class Hostile(Exception):
    def __str__(self):
        raise Hostile("again")


def run(ctx, params):
    raise Hostile("x")
