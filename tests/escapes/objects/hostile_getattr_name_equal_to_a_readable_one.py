# tries: getattr with a text that says it equals a name which may be read
# layer: language
class Name(str):
    def __eq__(self, other):
        return other == "__class__" or str(self) == other

    def __hash__(self):
        return hash("__class__") if False else hash(str(self))


def run(ctx, params):
    return f"ESCAPED: {getattr(run, Name('__globals__')) is not None}"
