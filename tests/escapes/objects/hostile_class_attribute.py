# tries: an object that claims to be an instance of str, to pass as plain data
# layer: language
# plain: a claim about the class is harmless in plain Python
class Liar:
    @property
    def __class__(self):
        return str


def run(ctx, params):
    return Liar()
