# tries: the first whole number that does not fit 64 bits
# layer: host
def run(ctx, params):
    return {"number": -(2**63) - 1}
