# tries: assigning to the attribute guard at the top of the file
# layer: language
# plain: plain Python has no guard to shadow
_getattr_ = lambda thing, name: name


def run(ctx, params):
    return f"ESCAPED: {'text'.anything}"
