# tries: writing to ctx by setattr and deleting by delattr
# layer: both
def run(ctx, params):
    setattr(ctx, "limit", 10**9)
    return "ESCAPED: written"
