# tries: the modules inside statistics
# layer: language
import statistics


def run(ctx, params):
    for name in ("sys", "random", "numbers", "math", "itertools", "functools"):
        found = getattr(statistics, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
