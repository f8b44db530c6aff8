# tries: an expression that takes all memory or time to compile
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    found = re.compile("(?:" * 60 + "a" + "{1,9999}){1,9999}" * 60)
    return f"held: {found.groups}"
