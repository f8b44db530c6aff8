# tries: writing into the dictionary of builtins
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    __builtins__["len"] = lambda thing: "mine"
    return f"ESCAPED: {len([])}"
