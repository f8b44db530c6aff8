# tries: half a surrogate pair in a key
# layer: host
def run(ctx, params):
    return {"\udfff": 1}
