# tries: super to reach what the class itself hides
# layer: language
class Made:
    def walk(self):
        return getattr(super(), "__thisclass__")


def run(ctx, params):
    return f"ESCAPED: {Made().walk()}"
