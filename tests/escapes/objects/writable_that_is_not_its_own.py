# tries: writing to what looks like the skill's own: results of dataclass, namedtuple, partial, cache and copies
# layer: language
# plain: only the guard makes these read-only
import copy
import functools
import re
from collections import namedtuple


def run(ctx, params):
    cached = functools.lru_cache(lambda: 1)
    things = (
        functools.partial(print),
        namedtuple("Made", "a")(1),
        namedtuple("Made", "a"),
        cached,
        re.compile("x"),
        getattr(ctx, "log", print),
        copy.copy(re.compile("x")),
        type(1),
        property(lambda self: 1),
    )
    for thing in things:
        try:
            thing.mark = 1
            return f"ESCAPED: {thing}"
        except (AttributeError, TypeError):
            continue
    return "held: none of them"
