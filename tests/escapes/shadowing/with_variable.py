# tries: the variable of a with statement named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
class Manager:
    def __enter__(self):
        return lambda thing, name: name

    def __exit__(self, kind, error, traceback):
        return False


def run(ctx, params):
    with Manager() as _getattr_:
        return f"ESCAPED: {'text'.anything}"
