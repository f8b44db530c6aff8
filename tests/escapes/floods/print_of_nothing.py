# tries: a hundred thousand empty lines, which weigh nothing each
# layer: language
# plain: printing is the skill's own affair in plain Python
def run(ctx, params):
    for _ in range(100_000):
        print()
    return "held: printed"
