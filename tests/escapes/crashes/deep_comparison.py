# tries: crashing the interpreter by comparing deep lists
# layer: both
# limits: seconds=1
def run(ctx, params):
    first, second = [], []
    for _ in range(200_000):
        first, second = [first], [second]
    try:
        return f"held: {first == second}"
    except RecursionError:
        return "held: too deep to compare"
