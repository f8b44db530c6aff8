# tries: CVE-2023-37271, what a delegating generator waits for, and its frame
# layer: language
def run(ctx, params):
    def inner():
        yield 1

    def outer():
        yield from inner()

    generator = outer()
    next(generator)
    waited_for = getattr(generator, "gi_" + "yieldfrom")
    return f"ESCAPED: {waited_for}"
