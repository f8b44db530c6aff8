# tries: namedtuple evaluates source made from field names; a class whose text is not what it says it is
# layer: language
# plain: namedtuple refuses such names itself
from collections import namedtuple


class Name(str):
    def isidentifier(self):
        return True

    def __str__(self):
        return self


def run(ctx, params):
    made = namedtuple("Made", [Name("a=__import__('os').getpid()")])
    return f"ESCAPED: {made()}"
