# tries: an exact power of decimals
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
from decimal import Decimal


def run(ctx, params):
    value = Decimal(2)
    for _ in range(10**9):
        value = (value * value) % Decimal("1e25")
    return f"ESCAPED: {value}"
