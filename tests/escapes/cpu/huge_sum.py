# tries: a sum that is computed in C
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    return f"ESCAPED: {sum(range(10**12))}"
