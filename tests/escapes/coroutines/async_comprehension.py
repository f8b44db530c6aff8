# tries: an asynchronous comprehension
# layer: language
def run(ctx, params):
    async def wait():
        return [one async for one in wait()]

    return f"ESCAPED: {wait().cr_code}"
