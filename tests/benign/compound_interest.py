import math


def run(ctx, params):
    principal, rate, years = (params[key] for key in ("principal", "rate", "years"))
    table = [round(principal * (1 + rate) ** year, 2) for year in range(years + 1)]
    continuous = principal * math.exp(rate * years)
    return {"table": table, "continuous": f"{continuous:.2f}", "doubling": math.ceil(math.log(2) / math.log1p(rate))}

# params: {"principal": 1000, "rate": 0.05, "years": 3}
# returns: {"table": [1000.0, 1050.0, 1102.5, 1157.63], "continuous": "1161.83", "doubling": 15}
