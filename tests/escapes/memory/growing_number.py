# tries: a number that is squared until it fills the memory
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    number = 3
    while number.bit_length() < 1 << 32:
        number = number * number
    return f"ESCAPED: {number.bit_length():,} bits"
