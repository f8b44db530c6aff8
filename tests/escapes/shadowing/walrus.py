# tries: an assignment expression to the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    if _getattr_ := (lambda thing, name: name):
        return f"ESCAPED: {'text'.anything}"
