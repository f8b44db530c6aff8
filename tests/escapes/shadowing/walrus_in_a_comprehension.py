# tries: an assignment expression in a comprehension, which binds outside of it
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    [_getattr_ := (lambda thing, name: name) for one in [1]]
    return f"ESCAPED: {'text'.anything}"
