# tries: keys that JSON does not have
# layer: host
def run(ctx, params):
    return {(1, 2): "ESCAPED: a tuple as key"}
