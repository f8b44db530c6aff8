# tries: the hook of enumerations for unknown values
# layer: language
from enum import Enum


class Made(Enum):
    A = 1

    @classmethod
    def _missing_(cls, value):
        return cls.__mro__


def run(ctx, params):
    try:
        return f"ESCAPED: {Made(2)}"
    except TypeError as error:
        return f"ESCAPED: the hook ran and was refused only for its answer, {error}"
