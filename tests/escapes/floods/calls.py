# tries: ten thousand calls of the host
# layer: both
# grants: memory
# limits: seconds=1
def run(ctx, params):
    for number in range(10_000):
        ctx.memory_get(f"key {number}")
    return "ESCAPED: ten thousand calls"
