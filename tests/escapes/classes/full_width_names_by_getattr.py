# tries: wide letters in a name that getattr is given
# layer: language
# plain: getattr does not turn wide letters into plain ones
def run(ctx, params):
    generator = (one for one in [1])
    found = getattr(generator, "ｇｉ_ｆｒａｍｅ", None)
    if found is None:
        return "held: no such name"
    return f"ESCAPED: {found}"
