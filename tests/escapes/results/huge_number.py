# tries: a whole number of a hundred thousand bits, to slow whoever reads it
# layer: host
def run(ctx, params):
    return 1 << 100_000
