import datetime as dt


def run(ctx, params):
    today = ctx.now.date()
    found = []
    for offset in range(0, 7):
        day = today + dt.timedelta(days=offset)
        name = params["days"].get(day.strftime("%m-%d"))
        if name:
            found.append({"name": name, "in_days": offset, "weekday": day.strftime("%A")})
    return found or None

# params: {"days": {"03-14": "Pi Day", "12-25": "Christmas"}}
# grants: ["now"]
# ctx: {"now": "2026-03-12T10:00:00+00:00"}
# returns: [{"name": "Pi Day", "in_days": 2, "weekday": "Saturday"}]
