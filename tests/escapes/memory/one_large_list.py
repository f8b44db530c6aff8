# tries: one list of half a gigabyte
# layer: both
def run(ctx, params):
    numbers = [0] * (1 << 26)
    return f"ESCAPED: {len(numbers):,} items"
