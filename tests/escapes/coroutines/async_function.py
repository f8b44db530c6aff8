# tries: a coroutine's frame
# layer: language
def run(ctx, params):
    async def wait():
        return 1

    coroutine = wait()
    return f"ESCAPED: {coroutine.cr_frame.f_globals}"
