# tries: an infinite number, deep inside
# layer: host
def run(ctx, params):
    return [[[{"number": -float("inf")}]]]
