# tries: the origin and the arguments of list[int]
# layer: language
def run(ctx, params):
    alias = list[int]
    return f"ESCAPED: {alias.__origin__.__base__}"
