# tries: writing a private name by setattr and reading it by a pattern of names
# layer: language
# plain: private names are open in plain Python
class Made:
    pass


def run(ctx, params):
    made = Made()
    for name in ("__dict__", "__class__", "_getattr_", "__init__", "__getattr__", "__reduce__", "__match_args__"):
        try:
            setattr(made, name, 1)
            return f"ESCAPED: {name}"
        except (AttributeError, TypeError):
            continue
    return "held: no such name"
