# tries: getattr with a text whose startswith and comparison lie
# layer: language
class Name(str):
    def startswith(self, *prefixes):
        return False

    def __getitem__(self, key):
        return "x"


def run(ctx, params):
    return f"ESCAPED: {getattr(run, Name('__globals__')) is not None}"
