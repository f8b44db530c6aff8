# tries: the hole closed in 8.3: a positional-only parameter shadows the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    def peek(_getattr_, /):
        return "text".anything

    return f"ESCAPED: {peek(lambda thing, name: name)}"
