from collections import defaultdict
from datetime import datetime
from statistics import fmean


def run(ctx, params):
    by_hour = defaultdict(list)
    for row in ctx.metrics():
        by_hour[datetime.fromisoformat(row["at"]).hour].append(row["likes"] + row["recasts"])
    averages = {hour: fmean(values) for hour, values in by_hour.items()}
    best = max(averages, key=averages.get)
    return f"Best hour: {best:02d}:00 ({averages[best]:.1f} on average)"

# grants: ["metrics"]
# ctx: {"answers": {"metrics": [{"text": "a", "at": "2026-03-01T08:10:00+00:00", "likes": 4, "recasts": 0, "replies": 0}, {"text": "b", "at": "2026-03-01T20:00:00+00:00", "likes": 10, "recasts": 1, "replies": 0}, {"text": "c", "at": "2026-02-28T08:50:00+00:00", "likes": 2, "recasts": 0, "replies": 0}]}}
# returns: "Best hour: 20:00 (11.0 on average)"
