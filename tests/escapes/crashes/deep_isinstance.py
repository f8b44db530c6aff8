# tries: crashing the interpreter by isinstance with deep tuples
# layer: both
# limits: seconds=1
def run(ctx, params):
    kinds = int
    for _ in range(200_000):
        kinds = (kinds,)
    try:
        return f"held: {isinstance('x', kinds)}"
    except RecursionError:
        return "held: too deep"
