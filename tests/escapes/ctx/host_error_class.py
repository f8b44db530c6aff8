# tries: the class of the host's errors, from which the child's modules might be reached
# layer: language
# grants: memory
# plain: the class itself leads nowhere in plain Python either
def run(ctx, params):
    try:
        ctx.memory_get({1, 2})
    except Exception as error:
        for name in ("__init__", "__str__", "__reduce__", "__module__", "__dict__"):
            found = getattr(getattr(type(error), name, None), "__glo" + "bals__", None)
            if found is not None:
                return f"ESCAPED: {found}"
    return "held: nothing behind it"
