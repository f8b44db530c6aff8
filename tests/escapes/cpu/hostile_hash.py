# tries: objects that are all equal in hash and never equal
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
class Same:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        return False


def run(ctx, params):
    return f"ESCAPED: {len({Same(): 1 for _ in range(100_000)})}"
