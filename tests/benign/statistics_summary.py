import statistics


def run(ctx, params):
    values = params["values"]
    return {
        "mean": round(statistics.mean(values), 2),
        "median": statistics.median(values),
        "stdev": round(statistics.stdev(values), 3),
        "quartiles": statistics.quantiles(values, n=4),
    }

# params: {"values": [3, 5, 2, 8, 9, 4]}
# returns: {"mean": 5.17, "median": 4.5, "stdev": 2.787, "quartiles": [2.75, 4.5, 8.25]}
