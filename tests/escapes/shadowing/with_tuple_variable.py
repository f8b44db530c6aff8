# tries: the variables of a with statement in a tuple, one named like a guard
# layer: language
# plain: plain Python has no guard to shadow
class Manager:
    def __enter__(self):
        return 1, lambda thing, name: name

    def __exit__(self, kind, error, traceback):
        return False


def run(ctx, params):
    with Manager() as (one, _getattr_):
        return f"ESCAPED: {'text'.anything}"
