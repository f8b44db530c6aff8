# tries: the variable of an except clause named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
class Guard(Exception):
    def __call__(self, thing, name):
        return name


def run(ctx, params):
    try:
        raise Guard()
    except Guard as _getattr_:
        return f"ESCAPED: {'text'.anything}"
