# tries: calling the constructor of a trusted error again, and of a class of errors
# layer: language
# grants: memory
# plain: errors are open in plain Python
def run(ctx, params):
    try:
        ctx.memory_get({1, 2})
    except Exception as error:
        error.__init__("mine")
        found = [
            getattr(error, name, None) for name in ("__self__", "__dict__", "__traceback__", "__context__", "__cause__")
        ]
        if any(thing is not None for thing in found):
            return f"ESCAPED: {found}"
    return "held: nothing but the words"
