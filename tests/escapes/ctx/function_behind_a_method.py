# tries: the function behind a granted method, and what it closes over
# layer: language
# grants: memory
def run(ctx, params):
    return f"ESCAPED: {ctx.memory_get.__closure__[0].cell_contents}"
