# tries: printing without end
# layer: language
# limits: seconds=0.4
# plain: printing is the skill's own affair in plain Python
def run(ctx, params):
    for _ in range(3_000):
        print("x" * 10_000)
    return "held: printed"
