# tries: ten thousand numbers with the same hash, as keys
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    modulus = 2**61 - 1
    found = {number * modulus: 1 for number in range(100_000)}
    return f"ESCAPED: {len(found)} keys of one hash"
