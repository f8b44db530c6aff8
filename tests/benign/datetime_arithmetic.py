import datetime
from datetime import timedelta, timezone


def run(ctx, params):
    start = datetime.datetime.fromisoformat(params["start"])
    utc = start.astimezone(timezone.utc)
    later = utc + timedelta(days=2, hours=3)
    parsed = datetime.datetime.strptime("3 Mar 2026 14:05", "%d %b %Y %H:%M")
    return {
        "utc": utc.isoformat(),
        "later": later.strftime("%a %d %B, %H:%M"),
        "week": later.isocalendar().week,
        "gap": (later - utc).total_seconds() / 3600,
        "parsed": parsed.date().isoformat(),
        "combined": str(datetime.datetime.combine(parsed.date(), datetime.time(9, 0), tzinfo=datetime.UTC)),
        "order": utc < later,
        "zone": str(start.utcoffset()),
    }

# params: {"start": "2026-02-27T23:30:00+02:00"}
# returns: {"utc": "2026-02-27T21:30:00+00:00", "later": "Mon 02 March, 00:30", "week": 10, "gap": 51.0, "parsed": "2026-03-03", "combined": "2026-03-03 09:00:00+00:00", "order": true, "zone": "2:00:00"}
