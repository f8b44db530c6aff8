from datetime import datetime


def run(ctx, params):
    target = datetime.fromisoformat(params["at"].replace("Z", "+00:00"))
    days = (target - ctx.now).days
    if days < 0:
        return None
    return f"{params['event']} is {'today' if days == 0 else f'in {days} days'}"

# params: {"event": "Launch", "at": "2026-03-10T09:00:00Z"}
# grants: ["now"]
# ctx: {"now": "2026-03-02T09:00:00+00:00"}
# returns: "Launch is in 8 days"
