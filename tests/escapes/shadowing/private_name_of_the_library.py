# tries: private names of library objects, which the spelling of private names must not reach
# layer: language
import collections


def run(ctx, params):
    counter = collections.Counter()
    return f"ESCAPED: {counter._keep_positive} {counter._Counter__x if False else 1}"
