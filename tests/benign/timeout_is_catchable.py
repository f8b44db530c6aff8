import re


def run(ctx, params):
    try:
        re.match(r"^(a|b|ab)*c$", "ab" * 5)
    except TimeoutError:
        return "too slow"
    return "fine"

# returns: "fine"
