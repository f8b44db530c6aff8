# tries: forty lists, each holding the next one twice: small here, endless when written out
# layer: host
# limits: seconds=0.5
def run(ctx, params):
    value = ["x"]
    for _ in range(38):
        value = [value, value]
    return value
