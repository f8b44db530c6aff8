# tries: hasattr tells whether a private attribute exists
# layer: language
def run(ctx, params):
    for thing, name in (
        (run, "__globals__"),
        ((), "__doc__"),
        (ctx, "_found"),
        (ctx, "__slots__"),
        (print, "__self__"),
    ):
        if hasattr(thing, name):
            return f"ESCAPED: hasattr answers for {name}"
    return "held: hasattr says no"
