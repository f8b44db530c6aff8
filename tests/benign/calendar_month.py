import calendar


def run(ctx, params):
    first, days = calendar.monthrange(params["year"], params["month"])
    return [calendar.day_name[first], days, calendar.isleap(params["year"]), calendar.month_name[params["month"]]]

# params: {"year": 2028, "month": 2}
# returns: ["Tuesday", 29, true, "February"]
