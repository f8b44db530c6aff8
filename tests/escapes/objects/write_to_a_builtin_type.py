# tries: attributes of a type that everybody shares
# layer: language
# plain: plain Python refuses this for types in C
def run(ctx, params):
    ValueError.args = ("mine",)
    return f"ESCAPED: {ValueError('x')}"
