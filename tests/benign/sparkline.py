BARS = "▁▂▃▄▅▆▇█"


def run(ctx, params):
    values = params["values"]
    low, high = min(values), max(values)
    span = (high - low) or 1
    return "".join(BARS[int((value - low) / span * (len(BARS) - 1))] for value in values)

# params: {"values": [1, 5, 22, 13, 53, 30]}
# returns: "▁▁▃▂█▄"
