# tries: writing to a class that an offered module shows
# layer: language
# plain: only the guard keeps a class of Python's from being written to
from collections import Counter


def run(ctx, params):
    Counter.most_common = lambda self: "mine"
    return f"ESCAPED: {Counter().most_common()}"
