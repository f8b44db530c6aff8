# tries: a context manager made from a generator, whose exit throws with the traceback
# layer: language
from contextlib import contextmanager


@contextmanager
def manage():
    try:
        yield 1
    except ZeroDivisionError as error:
        kept.append(error.__traceback__)


kept = []


def run(ctx, params):
    with manage():
        1 / 0
    return f"ESCAPED: {kept[0].tb_frame}"
