# tries: a whole number of a gigabyte
# layer: both
def run(ctx, params):
    number = 1 << (1 << 33)
    return f"ESCAPED: {number.bit_length():,} bits"
