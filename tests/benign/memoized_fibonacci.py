from functools import lru_cache


@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def run(ctx, params):
    return [fib(params["n"]), fib.cache_info().misses]

# params: {"n": 40}
# returns: [102334155, 41]
