# tries: the generator inside a context manager, and its frame
# layer: language
from contextlib import contextmanager


@contextmanager
def manage():
    yield 1


def run(ctx, params):
    return f"ESCAPED: {manage().gen.gi_frame.f_globals}"
