# tries: the special methods of a class that are its metaclass's
# layer: language
# plain: the methods themselves are ordinary
class Made:
    pass


def run(ctx, params):
    held = 0
    for attempt in (
        lambda: getattr(Made, "__call__")("Other", (), {}),
        lambda: getattr(Made, "__init__")("Other", (), {}),
        lambda: getattr(getattr(Made, "__or__")(int), "__args__"),
        lambda: getattr(super(Made, Made), "__call__")("Other", (), {}),
        lambda: getattr(super(Made, Made()), "__getattribute__")("__dict__"),
        lambda: getattr(super(Made, Made()), "__thisclass__"),
    ):
        try:
            return f"ESCAPED: {attempt()}"
        except (AttributeError, TypeError):
            held += 1
    return f"held: {held}"
