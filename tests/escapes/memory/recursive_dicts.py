# tries: dicts in dicts, as many as there are
# layer: both
# limits: seconds=1
def run(ctx, params):
    value = {}
    for _ in range(3_000_000):
        value = {"x": value, "y": [value]}
    return "ESCAPED: three million dicts"
