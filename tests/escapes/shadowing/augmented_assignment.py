# tries: an augmented assignment to the guard of augmented assignments
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    global _inplacevar_
    _inplacevar_ += 1
    return f"ESCAPED: {_inplacevar_}"
