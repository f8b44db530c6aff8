# tries: the functions inside property and staticmethod objects
# layer: language
class Made:
    def value(self):
        return 1

    view = property(value)


def run(ctx, params):
    getter = Made.view.fget
    return f"ESCAPED: {getter.__globals__}"
