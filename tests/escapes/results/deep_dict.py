# tries: a dict nested deeper than whoever reads it goes
# layer: host
def run(ctx, params):
    value = {}
    for _ in range(500):
        value = {"x": value}
    return value
