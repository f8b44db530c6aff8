# tries: a shift of constants that is computed while it is compiled
# layer: both
def run(ctx, params):
    return (1 << 2**34).bit_length()
