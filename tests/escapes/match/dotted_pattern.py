# tries: a dotted pattern reads a private attribute of a module
# layer: language
import random


def run(ctx, params):
    class Equal:
        def __eq__(self, other):
            self.seen = other
            return True

    equal = Equal()
    match equal:
        case random._os:
            return f"ESCAPED: {equal.seen}"
    return "held: no match"
