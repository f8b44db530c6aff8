from datetime import datetime, timedelta


def score(row):
    return row["likes"] + 2 * row["recasts"] + 3 * row["replies"]


def run(ctx, params):
    since = ctx.now - timedelta(days=7)
    rows = [row for row in ctx.metrics(days=30) if datetime.fromisoformat(row["at"]) >= since]
    if not rows:
        return None
    best = max(rows, key=score)
    return {
        "casts": len(rows),
        "likes": sum(row["likes"] for row in rows),
        "best": best["text"],
        "best_score": score(best),
    }

# grants: ["metrics", "now"]
# ctx: {"now": "2026-03-02T09:00:00+00:00", "answers": {"metrics": [{"text": "New post", "at": "2026-03-01T08:00:00+00:00", "likes": 5, "recasts": 2, "replies": 1}, {"text": "Older", "at": "2026-02-26T08:00:00+00:00", "likes": 9, "recasts": 0, "replies": 3}, {"text": "Ancient", "at": "2026-01-01T08:00:00+00:00", "likes": 100, "recasts": 0, "replies": 0}]}}
# returns: {"casts": 2, "likes": 14, "best": "Older", "best_score": 18}
