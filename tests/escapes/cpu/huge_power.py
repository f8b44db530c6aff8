# tries: a power that is computed in C and cannot be interrupted
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    base = 10
    return f"ESCAPED: {(base**base**9).bit_length()}"
