# tries: replacing the builtins that the guards themselves might use
# layer: language
from operator import attrgetter


def isinstance(thing, kind):
    return False


def type(thing):
    return str


def str(thing):
    return "x"


def run(ctx, params):
    return f"ESCAPED: {attrgetter('gi_frame.f_globals')(one for one in [1])}"
