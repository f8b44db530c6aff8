# tries: the letter that stands for the underscore of private names, written by hand
# layer: language
# plain: the letter means nothing in plain Python
class Made:
    def __init__(self):
        self._secret = "held"


def run(ctx, params):
    made = Made()
    ˍgetattrˍ = lambda thing, name: "ESCAPED"
    _getattr = lambda thing, name: "ESCAPED"
    return f"held: {made.ˍsecret} {'text'.upper()}"
