# tries: operator.attrgetter with a text that splits into plain texts which it does not hold
# layer: language
# plain: plain Python reads the text itself
from operator import attrgetter


class Name(str):
    def split(self, separator=None):
        return ["gi_frame", "f_globals"]


def run(ctx, params):
    return f"ESCAPED: {attrgetter(Name('x'))(one for one in [1])}"
