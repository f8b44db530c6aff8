# tries: a fraction with an exponent of a billion
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
from fractions import Fraction


def run(ctx, params):
    return f"ESCAPED: {Fraction('1e999999999').numerator.bit_length()}"
