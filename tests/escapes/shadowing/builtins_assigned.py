# tries: assigning the builtins of the module
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    global __builtins__
    __builtins__ = {"getattr": lambda thing, name: name}
    return f"ESCAPED: {getattr(1, 'anything')}"
