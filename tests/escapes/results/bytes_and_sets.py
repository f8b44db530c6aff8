# tries: bytes and sets, which JSON does not have
# layer: host
def run(ctx, params):
    return {"bytes": b"ESCAPED", "set": {1, 2}}
