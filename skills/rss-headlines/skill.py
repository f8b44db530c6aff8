"""Headlines of a feed: RSS, Atom or JSON Feed, as the host reads it."""

import hashlib
import json
import re
from datetime import timedelta

TITLE_CHARS = 200
#: What is told at most, in bytes of JSON; the host cuts off more than this.
TOLD_BYTES = 3800
#: How many items are remembered as told.
REMEMBERED = 500
#: A post that is attempted again within this time is told the same.
SAME_POST = timedelta(minutes=10)


def run(ctx, params):
    """Return the feed's title and its latest headlines, or None when there is nothing to tell."""
    try:
        feed = ctx.http_feed(params["url"])
    except HostError as error:
        # A feed that is down for a while is no failure of this skill.
        ctx.log(f"There is no feed: {error}")
        return None
    if not feed["items"]:
        ctx.log("The feed has no items.")
        return None
    items = [item for item in feed["items"] if is_wanted(item, params, ctx.now)]
    limit = params.get("limit", 5)
    items = take_new(ctx, params["url"], items, limit) if params.get("only_new", False) else items[:limit]
    if not items:
        return None
    title = shortened(feed["title"], TITLE_CHARS)
    return fitting(title, [shown(item, params.get("summary_chars", 0)) for item in items])


# Choosing


def is_wanted(item, params, now):
    """Say whether an item is due, young enough, and has one of the words."""
    when, days = minute(item), params.get("max_age_days", 0)
    if when > minute_of(now) or (days and when and when < minute_of(now - timedelta(days=days))):
        return False
    words = params.get("keywords", [])
    text = f"{item['title']} {item['summary']}".casefold()
    return not words or any(re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", text) for word in words)


def take_new(ctx, url, items, limit):
    """Return the first items that no earlier post was told, and note that they are told now."""
    key = short_hash(url)
    told = ctx.memory_get(key) or {}
    now, same_post = minute_of(ctx.now), minute_of(ctx.now - SAME_POST)
    items = [item for item in items if told.get(name_of(item), now) >= same_post][:limit]
    if any(name_of(item) not in told for item in items):
        told = {**{name_of(item): now for item in items}, **told}
        latest = sorted(told, key=lambda name: told[name], reverse=True)[:REMEMBERED]
        ctx.memory_set(key, {name: told[name] for name in latest})
    return items


def name_of(item):
    """Return the name under which an item is remembered."""
    return short_hash(item["id"] or item["link"] or item["title"])


def minute(item):
    """Return the date of an item in the form of `minute_of`, or an empty string."""
    return f"{item['published'][:16]}Z" if item["published"] else ""


def minute_of(moment):
    """Return a moment in UTC as a text that sorts by time."""
    return moment.strftime("%Y-%m-%dT%H:%MZ")


# Telling


def shown(item, summary_chars):
    """Return an item as the model is told it."""
    title = shortened(item["title"], TITLE_CHARS)
    summary = shortened(item["summary"], summary_chars) if summary_chars else ""
    told = {"title": title, "link": item["link"], "date": minute(item), "summary": summary if summary != title else ""}
    return {key: value for key, value in told.items() if value}


def shortened(text, most):
    """Return the beginning of a text, up to the end of a word."""
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,.;:-") + "…"


def fitting(title, headlines):
    """Return title and headlines, as many as there is room for."""
    while len(headlines) > 1 and len(json.dumps(headlines, ensure_ascii=False).encode()) > TOLD_BYTES:
        headlines = headlines[:-1]
    return {"feed": title, "headlines": headlines}


def short_hash(text):
    """Return a short stable name for a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
