# tries: crashing the interpreter by a tower of map
# layer: both
# limits: seconds=1
def run(ctx, params):
    iterator = iter([1])
    for _ in range(200_000):
        iterator = map(int, iterator)
    return f"held: {next(iterator)}"
