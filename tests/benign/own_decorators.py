import functools

CALLS = []


def logged(label):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            CALLS.append(f"{label}:{function.__name__}")
            return function(*args, **kwargs)

        return wrapper

    return decorate


def retry(function):
    def wrapper(*args):
        for attempt in range(3):
            try:
                return function(attempt, *args)
            except ValueError:
                wrapper.failures += 1
        return None

    wrapper.failures = 0
    return wrapper


@logged("math")
def double(n, *, plus=0):
    """Twice."""
    return 2 * n + plus


@retry
def flaky(attempt, n):
    if attempt < 2:
        raise ValueError("not yet")
    return n


def run(ctx, params):
    return [double(params["n"], plus=1), flaky(params["n"]), flaky.failures, CALLS, double.__name__]

# params: {"n": 6}
# returns: [13, 6, 2, ["math:double"], "double"]
