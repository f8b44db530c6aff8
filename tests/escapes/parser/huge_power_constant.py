# tries: a power of constants that is computed while it is compiled
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    return 10**10**9
