# tries: calls of the host that go on after a refusal
# layer: both
# grants: memory
# limits: seconds=1
def run(ctx, params):
    for number in range(10_000):
        try:
            ctx.memory_get(f"key {number}")
        except BaseException:
            continue
    return "ESCAPED: ten thousand calls"
