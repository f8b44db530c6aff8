# tries: the builtins that run text
# layer: language
def run(ctx, params):
    return f"ESCAPED: {eval('().__class__.__base__.__subclasses__()')[:3]}"
