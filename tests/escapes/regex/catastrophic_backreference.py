# tries: backreferences, which no clever engine could save
# layer: both
# limits: seconds=0.4
import re


def run(ctx, params):
    return f"ESCAPED: {re.match(r'(.*)(.*)(.*)(.*)(.*)[x]', 'a' * 3000)}"
