from fractions import Fraction

RECIPE = {"flour": "2 1/2", "milk": "3/4", "eggs": "2"}


def parse(text):
    return sum(Fraction(part) for part in text.split())


def run(ctx, params):
    scale = Fraction(params["scale"])
    return {name: str(parse(amount) * scale) for name, amount in RECIPE.items()}

# params: {"scale": "3/2"}
# returns: {"flour": "15/4", "milk": "9/8", "eggs": "3"}
