# tries: a function named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
def _getattr_(thing, name):
    return name


def run(ctx, params):
    return f"ESCAPED: {'text'.anything}"
