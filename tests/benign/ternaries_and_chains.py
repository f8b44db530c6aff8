def bucket(value):
    return "low" if value < 10 else "mid" if 10 <= value < 20 else "high"


def run(ctx, params):
    values = params["values"]
    ordered = values[0] < values[1] < values[2]
    fallback = params.get("missing") or "default"
    return [[bucket(v) for v in values], ordered, fallback, not values, values is not None and len(values) == 3]

# params: {"values": [5, 15, 25]}
# returns: [["low", "mid", "high"], true, "default", false, true]
