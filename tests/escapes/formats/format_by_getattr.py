# tries: str.format by a name put together at run time
# layer: language
def run(ctx, params):
    write = getattr("{0.__class__.__base__}", "for" + "mat")
    return f"ESCAPED: {write(())}"
