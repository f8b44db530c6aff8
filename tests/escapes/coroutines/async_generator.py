# tries: the frame of an asynchronous generator, which RestrictedPython forgot until 8.5
# layer: language
def run(ctx, params):
    async def wait():
        yield 1

    return f"ESCAPED: {wait().ag_frame}"
