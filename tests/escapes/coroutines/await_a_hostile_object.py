# tries: await on an object whose await hands out code of the attacker's
# layer: language
class Trap:
    def __await__(self):
        yield 1


async def wait():
    await Trap()


def run(ctx, params):
    coroutine = wait()
    coroutine.send(None)
    return f"ESCAPED: {coroutine.cr_await}"
