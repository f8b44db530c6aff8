from decimal import Decimal

UNITS = {"ether": Decimal(10) ** 18, "gwei": Decimal(10) ** 9}


def run(ctx, params):
    wei = Decimal(params["wei"])
    return {name: f"{(wei / size).normalize():f}" for name, size in UNITS.items()}

# params: {"wei": "1234567890000000000"}
# returns: {"ether": "1.23456789", "gwei": "1234567890"}
