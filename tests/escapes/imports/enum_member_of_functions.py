# tries: the members of an enumeration hand out functions and classes unchecked
# layer: language
import re


def run(ctx, params):
    flag = type(re.I)
    return f"ESCAPED: {flag.__base__.__base__}"
