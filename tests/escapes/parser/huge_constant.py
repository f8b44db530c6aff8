# tries: a constant that is folded into gigabytes while it is compiled
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    value = ("x" * 4000) * 4000 * 4000
    return f"ESCAPED: {len(value):,}"
