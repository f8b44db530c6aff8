# tries: a list that holds itself
# layer: host
def run(ctx, params):
    value = []
    value.append(value)
    return value
