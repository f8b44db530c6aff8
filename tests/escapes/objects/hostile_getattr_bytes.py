# tries: getattr and hasattr with names that are no text
# layer: language
# plain: plain Python refuses such names as well
def run(ctx, params):
    for name in (b"__class__", 1, None, ["__class__"], ("__class__",)):
        try:
            return f"ESCAPED: {getattr((), name)}"
        except TypeError:
            continue
    return "held: no name but an exact text"
