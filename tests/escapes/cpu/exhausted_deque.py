# tries: exhausting an endless iterator into a deque that keeps nothing
# layer: both
# limits: seconds=0.4
import collections
import itertools


def run(ctx, params):
    return f"ESCAPED: {collections.deque(itertools.count(), maxlen=0)}"
