# tries: the function inside a cache
# layer: language
from functools import lru_cache


def run(ctx, params):
    @lru_cache
    def helper():
        return 1

    return f"ESCAPED: {helper.__wrapped__.__globals__}"
