# tries: an annotated assignment to the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
_getattr_: object = lambda thing, name: name


def run(ctx, params):
    return f"ESCAPED: {'text'.anything}"
