# tries: print with a file of the attacker's
# layer: language
# plain: printing to one's own object is harmless
class File:
    def write(self, text):
        self.seen = [text, self]


def run(ctx, params):
    print("x", file=File(), sep=File(), end=File())
    return "held: printed"
