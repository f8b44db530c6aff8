# tries: a third parameter of run itself, named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params, _getattr_=lambda thing, name: name):
    return f"ESCAPED: {'text'.anything}"
