from decimal import ROUND_HALF_UP, Decimal, InvalidOperation


def money(text):
    try:
        return str(Decimal(text).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
    except InvalidOperation:
        return "?"


def run(ctx, params):
    return [money(amount) for amount in params["amounts"]] + [money("abc")]

# params: {"amounts": ["1.005", "2.675", "10"]}
# returns: ["1.01", "2.68", "10.00", "?"]
