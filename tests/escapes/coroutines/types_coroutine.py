# tries: turning a generator into a coroutine by the flag of its code
# layer: language
def run(ctx, params):
    def wait():
        yield 1

    code = getattr(wait, "__co" + "de__")
    return f"ESCAPED: {code.replace(co_flags=code.co_flags | 0x100)}"
