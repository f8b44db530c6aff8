# tries: an ordinary parameter named like the item guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    def peek(_getitem_):
        return [0][5]

    return f"ESCAPED: {peek(lambda thing, key: key)}"
