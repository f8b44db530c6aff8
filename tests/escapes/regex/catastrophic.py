# tries: the classic expression that takes exponential time
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    return f"ESCAPED: {re.match(r'(a+)+$', 'a' * 60 + 'b')}"
