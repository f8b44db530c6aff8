# tries: half a million generators, each waiting for the next
# layer: both
# limits: seconds=1
def run(ctx, params):
    def chain(inner):
        yield from inner

    generator = iter([1])
    for _ in range(500_000):
        generator = chain(generator)
    return f"ESCAPED: {next(generator)}"
