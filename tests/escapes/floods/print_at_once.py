# tries: printing thirty megabytes at once
# layer: language
# plain: printing is the skill's own affair in plain Python
def run(ctx, params):
    print("x" * 30_000_000)
    return "held: printed"
