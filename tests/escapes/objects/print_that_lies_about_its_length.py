# tries: a text that adds itself to what is printed and says it is empty, to print past the cap
# layer: language
# plain: printing is the skill's own affair in plain Python
class Text(str):
    def __radd__(self, other):
        return self

    def __len__(self):
        return 0

    def __getitem__(self, key):
        return "x" * 100_000


def run(ctx, params):
    for _ in range(5):
        print("x", end=Text("\n"))
    return "held: printed"
