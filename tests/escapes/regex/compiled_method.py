# tries: the same by a method of a compiled expression, which a guard around re.match does not see
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    return f"ESCAPED: {re.compile(r'(a+)+$').search('a' * 60 + 'b')}"
