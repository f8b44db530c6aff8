# tries: the special methods that may be written with their names, called with more than they take
# layer: language
# plain: the methods themselves are ordinary
class Made:
    pass


def run(ctx, params):
    held = 0
    for attempt in (
        lambda: Made.__call__("Other", (), {}),
        lambda: int.__call__("Other", (), {}),
        lambda: super(Made, Made).__call__("Other", (), {}),
        lambda: "{0.__class__.__base__}".__format__(()),
        lambda: "%(x)s".__mod__(Made),
        lambda: ctx.__getitem__("http_get"),
        lambda: ctx.__init__({"http_get": print}),
    ):
        try:
            return f"ESCAPED: {attempt()}"
        except (AttributeError, TypeError, ValueError):
            held += 1
    return f"held: {held}"
