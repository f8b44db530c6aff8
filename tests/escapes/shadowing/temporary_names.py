# tries: the names of the transformer's own temporary variables, to change what it writes where
# layer: language
# plain: plain Python has no such temporary variables
class Made:
    def __init__(self):
        self.value = 1


def run(ctx, params):
    made = Made()
    _tmp0 = _tmp1 = _tmp2 = "mine"

    def swap():
        nonlocal _tmp0, _tmp1
        _tmp0 = _tmp1 = ctx
        return 1

    made.value += swap()
    params["tcp"] += swap()
    if made.value == 2 and _tmp2 == "mine":
        return "held: the names are apart"
    return "ESCAPED: a temporary variable was changed"
