# tries: an argument of a megabyte
# layer: both
# grants: memory
def run(ctx, params):
    return f"ESCAPED: {ctx.memory_set('key', 'x' * 1_000_000)}"
