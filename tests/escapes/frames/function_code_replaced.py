# tries: giving a function another code object
# layer: language
def run(ctx, params):
    def first():
        return 1

    def second():
        return 2

    first.__code__ = second.__code__.replace(co_names=("open",))
    return f"ESCAPED: {first()}"
