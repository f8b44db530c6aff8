# tries: the special methods of plain values by name, to get around the guard of attributes
# layer: language
# plain: the methods themselves are ordinary
def run(ctx, params):
    held = 0
    for thing, name, arguments in (
        ((), "__getattribute__", ("__class__",)),
        ("x", "__reduce_ex__", (4,)),
        (int, "__subclasses__", ()),
        (dict, "__init_subclass__", ()),
        (object, "__new__", (str,)),
        (params, "__dir__", ()),
        (object, "__getattribute__", (run, "__globals__")),
        (object, "__setattr__", (ctx, "topic", "mine")),
        (str, "__getattribute__", ("x", "__class__")),
        (list, "__class_getitem__", (int,)),
    ):
        try:
            return f"ESCAPED: {getattr(thing, name)(*arguments)}"
        except (AttributeError, TypeError):
            held += 1
    return f"held: {held}"
