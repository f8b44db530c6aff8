# tries: crashing the interpreter by the text of deep containers
# layer: both
# limits: seconds=1
def run(ctx, params):
    value = ()
    for _ in range(200_000):
        value = (value,)
    try:
        return f"held: {len(repr(value))}"
    except RecursionError:
        return "held: too deep to write"
