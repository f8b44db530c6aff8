# tries: a key of two hundred kilobytes
# layer: both
# grants: memory
def run(ctx, params):
    ctx.memory_set("k" * 200_000, 1)
    return "held: what a key may be is for the host to say"
