# tries: the real pattern behind a match, which has no time limit
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    pattern = re.match("(a+)+$", "a").re
    return f"ESCAPED: {pattern.match('a' * 60 + 'b')}"
