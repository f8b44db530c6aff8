# tries: comparisons of the attacker's inside trusted containers that are being changed
# layer: language
# plain: the interpreter copes by itself
class Trap:
    def __eq__(self, other):
        found.clear()
        return True

    def __hash__(self):
        return 1


found = []


def run(ctx, params):
    found.extend([Trap(), 2, 3])
    found.count(1)
    found.remove(1) if 1 in found else None
    return f"held: {len(found)}"
