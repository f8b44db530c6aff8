# tries: setattr with a text whose startswith lies
# layer: language
class Name(str):
    def startswith(self, *prefixes):
        return False

    def __getitem__(self, key):
        return "x"


class Made:
    pass


class Other:
    pass


def run(ctx, params):
    made = Made()
    setattr(made, Name("__class__"), Other)
    return f"ESCAPED: {isinstance(made, Other)}"
