# tries: deleting a guard, so that the builtin of the same use comes through
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    global _getattr_
    del _getattr_
    return f"ESCAPED: {'text'.upper()}"
