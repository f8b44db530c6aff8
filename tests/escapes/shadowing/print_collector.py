# tries: the names under which print collects, replaced by an object of its own
# layer: language
# plain: print collects nothing in plain Python
class Collector:
    def write(self, text):
        return f"ESCAPED: {text}"


def run(ctx, params):
    _print = printed = Collector()
    print("x")
    return f"held: {printed is _print}"
