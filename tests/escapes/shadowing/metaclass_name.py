# tries: the name of the metaclass that every class is given
# layer: language
# plain: plain Python has no guard to shadow
__metaclass__ = type


class Made:
    pass


def run(ctx, params):
    return f"ESCAPED: {Made}"
