# tries: asynchronous with and for
# layer: language
class Manager:
    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        return traceback.tb_frame


async def use():
    async with Manager() as manager:
        async for one in manager:
            return one


def run(ctx, params):
    return f"ESCAPED: {use().cr_frame}"
