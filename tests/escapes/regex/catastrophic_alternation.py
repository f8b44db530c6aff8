# tries: overlapping alternatives under a star
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    return f"ESCAPED: {re.fullmatch(r'(a|aa)+', 'a' * 100 + 'b')}"
