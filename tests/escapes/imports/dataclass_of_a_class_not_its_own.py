# tries: dataclass applied to a class that everybody shares, which it would change
# layer: language
from collections import Counter
from dataclasses import dataclass


def run(ctx, params):
    try:
        dataclass(repr=False, eq=False)(Counter)
    except TypeError as error:
        return f"held: {error}"
    return f"ESCAPED: {Counter.__name__} was changed"
