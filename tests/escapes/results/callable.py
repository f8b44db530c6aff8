# tries: a function in place of data
# layer: host
def run(ctx, params):
    return {"callback": lambda: "ESCAPED"}
