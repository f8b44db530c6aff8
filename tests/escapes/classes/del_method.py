# tries: __del__ runs when nobody is guarding any more
# layer: language
# plain: a finaliser is ordinary in plain Python
class Late:
    def __del__(self):
        found.append(1)


found = []


def run(ctx, params):
    late = Late()
    del late
    return f"ESCAPED: {found}"
