from datetime import timedelta, timezone

GREETINGS = ((5, "Good night"), (12, "Good morning"), (18, "Good afternoon"), (24, "Good evening"))


def run(ctx, params):
    local = ctx.now.astimezone(timezone(timedelta(hours=params.get("offset", 0))))
    return next(text for hour, text in GREETINGS if local.hour < hour)

# grants: ["now"]
# ctx: {"now": "2026-03-02T19:30:00+00:00"}
# returns: "Good evening"
