"""The agent's own week in numbers: totals, what changed, the best cast and the quietest.

Casts are younger than their numbers seem: one of this morning has had hours where one of Monday has had days. So the
comparison is of totals, and the quietest cast is one that has had a day to be found.
"""

from datetime import datetime, timedelta

COUNTS = ("likes", "recasts", "replies")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TEXT_CHARS = 280
#: A recast carries a cast further than a like, and a reply is a conversation.
WEIGHTS = {"likes": 1, "recasts": 3, "replies": 2}


def run(ctx, params):
    """Return the recap, or None when there is nothing to tell."""
    zone = timedelta(hours=params.get("utc_offset_hours", 0))
    today = DAYS[(ctx.now + zone).weekday()]
    if params.get("only_on", "any") not in ("any", today.lower()):
        return None
    days = params.get("days", 7)
    casts = [cast for cast in map(read_cast, ctx.metrics(2 * days)) if cast]
    since = ctx.now - timedelta(days=days)
    week = [cast for cast in casts if since <= cast["at"] <= ctx.now]
    before = [cast for cast in casts if since - timedelta(days=days) <= cast["at"] < since]
    if len(week) < params.get("min_casts", 2):
        ctx.log(f"{len(week)} casts with numbers in the last {days} days are too few for a recap.")
        return None
    recap = {"days": days, "this_week": totals(week), "best": shown(max(week, key=reach), zone)}
    if before:
        recap["week_before"] = totals(before)
        recap["change"] = {name: change(total(before, name), total(week, name)) for name in COUNTS}
    found = [cast for cast in week if cast["at"] <= ctx.now - timedelta(days=1)]
    if len(week) > 1 and found and reach(quietest := min(found, key=reach)) < reach(max(week, key=reach)):
        recap["quietest"] = shown(quietest, zone)
    return recap


def read_cast(row):
    """Return a cast with its moment, or None for one without."""
    try:
        at = datetime.fromisoformat(row["at"])
    except (KeyError, TypeError, ValueError):
        return None
    counts = {name: row.get(name) if isinstance(row.get(name), int) else 0 for name in COUNTS}
    return {"text": str(row.get("text", "")), "at": at, **counts} if at.tzinfo else None


def total(casts, name):
    """Return the sum of one count."""
    return sum(cast[name] for cast in casts)


def totals(casts):
    """Return how many casts there are and the sums of their counts."""
    return {"casts": len(casts), **{name: total(casts, name) for name in COUNTS}}


def reach(cast):
    """Return how well a cast did."""
    return sum(weight * cast[name] for name, weight in WEIGHTS.items())


def change(old, new):
    """Return a change in words: a percentage, where there is one."""
    if old == new:
        return "as before"
    if not old:
        return f"from 0 to {new}"
    return f"{(new - old) / old:+.0%}"


def shown(cast, zone):
    """Return a cast as the model is told it."""
    text = " ".join(cast["text"].split())
    text = text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 1].rstrip() + "…"
    return {"text": text, "when": DAYS[(cast["at"] + zone).weekday()], **{name: cast[name] for name in COUNTS}}
