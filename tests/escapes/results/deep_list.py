# tries: a list nested a hundred thousand deep
# layer: host
def run(ctx, params):
    value = []
    for _ in range(100_000):
        value = [value]
    return value
