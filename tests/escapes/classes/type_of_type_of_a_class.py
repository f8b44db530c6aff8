# tries: the type of the metaclass, and what it makes
# layer: language
class Made:
    pass


def run(ctx, params):
    found = type(type(type(Made)))
    made = found("Other", (), {"__call__": lambda self: 1})
    return f"ESCAPED: {found} {made()()}"
