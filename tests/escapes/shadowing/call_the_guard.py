# tries: calling the guards by name, with arguments the transformer never makes
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    found = _getattr_((), "__class__", None, getattr)
    return f"ESCAPED: {found}"
