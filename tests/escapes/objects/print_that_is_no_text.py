# tries: a text that adds up to something that is no text
# layer: language
# plain: printing is the skill's own affair in plain Python
class Text(str):
    def __radd__(self, other):
        return [self]

    def join(self, parts):
        return {"x": 1}


def run(ctx, params):
    print("x", sep=Text(" "), end=Text("\n"))
    print("y")
    return "held: printed"
