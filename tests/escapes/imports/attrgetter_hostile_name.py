# tries: operator.attrgetter with a text that splits into something else than it says
# layer: language
# plain: plain Python reads the text itself
from operator import attrgetter


class Name(str):
    def split(self, separator=None):
        return [Part("__globals__")]

    def startswith(self, *prefixes):
        return False


class Part(str):
    def startswith(self, *prefixes):
        return False


def run(ctx, params):
    return f"ESCAPED: {attrgetter(Name('x'))(run)}"
