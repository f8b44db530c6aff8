# tries: a class named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
class _getattr_:
    def __init__(self, thing, name):
        self.name = name


def run(ctx, params):
    return f"ESCAPED: {'text'.anything}"
