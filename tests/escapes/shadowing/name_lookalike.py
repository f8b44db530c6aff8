# tries: a name of compatibility letters that the parser makes into a guard's
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    _ｇｅｔａｔｔｒ_ = lambda thing, name: name
    return f"ESCAPED: {'text'.anything}"
