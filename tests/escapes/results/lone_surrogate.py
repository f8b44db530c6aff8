# tries: half a surrogate pair, which breaks whoever writes it down
# layer: host
def run(ctx, params):
    return "held \ud800"
