# tries: the classic walk with names put together at run time
# layer: language
def run(ctx, params):
    thing = ()
    for name in ("class", "base", "subclasses"):
        thing = getattr(thing, "__" + name + "__")
    return f"ESCAPED: {len(thing())} classes"
