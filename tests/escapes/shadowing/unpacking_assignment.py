# tries: unpacking into the attribute guard, starred
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    one, *_getattr_ = 1, 2
    return f"ESCAPED: {'text'.anything}"
