# tries: print with an argument whose text is a class of the attacker's
# layer: language
# plain: printing one's own text is harmless
class Text(str):
    def __len__(self):
        return 0

    def __add__(self, other):
        return self

    def __getitem__(self, key):
        return self

    def __str__(self):
        return self


def run(ctx, params):
    for _ in range(50):
        print(Text("x" * 10_000), sep=Text(""), end=Text(""))
    return "held: printed"
