# tries: the random source of the operating system
# layer: language
from random import SystemRandom


def run(ctx, params):
    return f"ESCAPED: {SystemRandom().random()}"
