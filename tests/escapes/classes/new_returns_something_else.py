# tries: __new__ returns an object of a trusted type
# layer: language
# plain: a constructor may return anything in plain Python
class Made:
    def __new__(cls, *args):
        return object


def run(ctx, params):
    return f"ESCAPED: {Made()}"
