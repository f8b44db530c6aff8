# tries: the walk written inside an f-string
# layer: language
def run(ctx, params):
    return f"ESCAPED: {().__class__.__base__.__subclasses__()!r:.80}"
