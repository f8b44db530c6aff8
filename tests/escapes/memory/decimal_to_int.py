# tries: a short decimal that is a number of a billion digits
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
from decimal import Decimal


def run(ctx, params):
    return f"ESCAPED: {int(Decimal('1e999999999')).bit_length()}"
