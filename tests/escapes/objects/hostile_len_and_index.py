# tries: lengths and indexes of the attacker's that promise more than there is
# layer: language
# plain: the interpreter copes by itself
class Trap:
    def __len__(self):
        return 2**62

    def __index__(self):
        return 2**62

    def __getitem__(self, key):
        return key


def run(ctx, params):
    held = []
    for attempt in (lambda: [1][Trap()], lambda: list(Trap())[:1], lambda: bytes(Trap())):
        try:
            attempt()
        except (IndexError, MemoryError, OverflowError, TypeError, ValueError) as error:
            held.append(str(error)[:20])
    return f"held: {held}"
