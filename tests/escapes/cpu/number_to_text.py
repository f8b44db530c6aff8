# tries: writing a number of a hundred million digits
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    number = 7 << 200_000_000
    return f"ESCAPED: {len(hex(number * number))}"
