# tries: registering a class of its own with an abstract class that everybody asks
# layer: language
import collections.abc
import numbers


class Made:
    pass


def run(ctx, params):
    numbers.Number.register(Made)
    collections.abc.Mapping.register(Made)
    return f"ESCAPED: {isinstance(Made(), numbers.Number)}"
