# tries: a factorial of ten million
# layer: both
# limits: seconds=0.4
import math


def run(ctx, params):
    return f"ESCAPED: {math.factorial(10**7).bit_length()}"
