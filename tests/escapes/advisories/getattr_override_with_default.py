# tries: the old getattr hole: a default value and a name that is no exact str got past the check of the name
# layer: language
class Name(str):
    def startswith(self, prefix):
        return False


def run(ctx, params):
    found = getattr((), Name("__class__"), None)
    if found is None:
        return "held: nothing"
    return f"ESCAPED: {found}"
