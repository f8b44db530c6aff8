# tries: an exit in a class that is mixed into an enumeration, to be handed the traceback
# layer: language
from enum import Enum


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        kept.append(arguments[-1])
        return True


class Made(Manager, Enum):
    A = 1


kept = []


def run(ctx, params):
    with Made.A:
        1 / 0
    if kept[0] is None:
        return "held: no traceback"
    return f"ESCAPED: {kept}"
