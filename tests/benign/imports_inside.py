def roots(values):
    import math as m
    from statistics import mean

    return [m.sqrt(value) for value in values], mean(values)


def run(ctx, params):
    if params["values"]:
        import json
    return json.loads(json.dumps(roots(params["values"])))

# params: {"values": [4, 9]}
# returns: [[2.0, 3.0], 6.5]
