# tries: calling the write guard by name, to keep what it returns
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    return f"ESCAPED: {_write_(params)}"
