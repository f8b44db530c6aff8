# tries: make_dataclass executes source made from field names
# layer: language
# plain: make_dataclass refuses such names itself
from dataclasses import make_dataclass


class Name(str):
    def isidentifier(self):
        return True


def run(ctx, params):
    made = make_dataclass("Made", [(Name("a=__import__('os').getpid()"), int)])
    return f"ESCAPED: {made()}"
