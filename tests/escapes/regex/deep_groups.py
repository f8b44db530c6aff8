# tries: groups nested deeper than the compiler of expressions goes
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    return f"held: {re.compile('(' * 20_000 + ')' * 20_000).groups}"
