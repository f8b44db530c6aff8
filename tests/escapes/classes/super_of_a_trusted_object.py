# tries: super to reach what a trusted object inherits
# layer: language
# plain: everything may be looked into in plain Python
def run(ctx, params):
    held = 0
    for kind, thing in ((object, ctx), (object, print), (dict, params), (object, run)):
        for name in ("__class__", "__reduce_ex__", "__getattribute__", "__dir__", "__setattr__", "__subclasshook__"):
            try:
                found = getattr(super(kind, thing), name)
                return f"ESCAPED: {found('http_get')}"
            except (AttributeError, TypeError):
                held += 1
    return f"held: {held}"
