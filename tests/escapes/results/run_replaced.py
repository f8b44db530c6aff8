# tries: run replaced by something else after it was checked
# layer: language
# plain: the last definition counts in plain Python
def run(ctx, params):
    return "held: the first"


run = print
