# tries: a text between the printed ones that joins them into something else
# layer: language
# plain: printing is the skill's own affair in plain Python
class Text(str):
    def join(self, parts):
        return Text("x" * 100_000)

    def __add__(self, other):
        return self

    def __len__(self):
        return 0

    def __getitem__(self, key):
        return self


def run(ctx, params):
    for _ in range(5):
        print("x", "y", sep=Text(" "))
    return "held: printed"
