def primes(limit):
    sieve = [True] * (limit + 1)
    for n in range(2, limit + 1):
        if sieve[n]:
            yield n
            for multiple in range(n * n, limit + 1, n):
                sieve[multiple] = False


def chunks(items, size):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def both(n):
    yield from primes(n)
    result = yield from inner()
    yield result


def inner():
    yield "inner"
    return "returned"


def run(ctx, params):
    return [list(chunks(primes(30), 4)), list(both(params["n"])), sum(p for p in primes(10))]

# params: {"n": 10}
# returns: [[[2, 3, 5, 7], [11, 13, 17, 19], [23, 29]], [2, 3, 5, 7, "inner", "returned"], 17]
