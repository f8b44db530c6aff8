# tries: a result over the cap
# layer: host
def run(ctx, params):
    return "x" * 2_000_000
