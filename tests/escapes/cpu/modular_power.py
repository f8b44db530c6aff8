# tries: a modular power of large numbers
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    return f"ESCAPED: {pow(3, 1 << 200_000, (1 << 200_001) - 1)}"
