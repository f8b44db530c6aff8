"""Headlines of a feed: RSS 2.0, RSS 1.0 (RDF) or Atom, read with patterns, for a sandbox has no XML parser.

Feeds in the wild are broken in every way, so nothing here expects a whole document: an item begins at its opening tag
and ends where the next one begins, and whatever cannot be read is left out. No pattern looks further than it must, so
that a hostile feed takes no longer than a good one of its size.
"""

import hashlib
import html
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

MOST_ITEMS = 300
TITLE_CHARS = 200
#: What is told at most, in bytes of JSON; the host cuts off more than this.
TOLD_BYTES = 3800
#: How many items are remembered as told.
REMEMBERED = 500
#: A post that is attempted again within this time is told the same.
SAME_POST = timedelta(minutes=10)

ITEM = re.compile(r"<(?:[\w.-]+:)?(?:item|entry)(?=[\s/>])([^<>]*)>", re.IGNORECASE)
LINK = re.compile(r"<(?:[\w.-]+:)?link(?=[\s/>])([^<>]*)>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
#: Tags within a word or a line; any other stands for a gap.
INLINE = re.compile(r"</?(?:a|abbr|b|code|em|i|mark|small|span|strong|sub|sup|u)(?=[\s/>])[^<>]*>", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<![^<>]*>")
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
RFC_DATE = re.compile(
    r"(\d{1,2})[ -]+([A-Za-z]{3})[a-z]*[ -]+(\d{4}|\d{2})"
    r"(?: +(\d{1,2}):(\d{2})(?::\d{2})?)?(?: +([+-]\d{4}|[A-Z]{1,4}))?"
)
ISO_DATE = re.compile(
    r"(\d{4})-(\d{2})(?:-(\d{2}))?(?:[T ](\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?)? *(Z|[+-]\d{2}:?\d{2})?"
)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2}


def run(ctx, params):
    """Return the feed's title and its latest headlines, or None when there is nothing to tell."""
    xml = fetch(ctx, params["url"])
    if xml is None:
        return None
    title, items = read_feed(xml, params["url"])
    if not items:
        ctx.log("No items were found; this may not be a feed.")
        return None
    items = [item for item in items if is_wanted(item, params, ctx.now)]
    items.sort(key=lambda item: item["when"], reverse=True)
    limit = params.get("limit", 5)
    items = take_new(ctx, params["url"], items, limit) if params.get("only_new", False) else items[:limit]
    if not items:
        return None
    return fitting(title, [shown(item, params.get("summary_chars", 0)) for item in items])


def fetch(ctx, url):
    """Return the feed's text, or None: a feed that is down for a while is no failure of this skill."""
    try:
        page = ctx.http_get(url)
    except HostError as error:
        ctx.log(f"The feed could not be fetched: {error}")
        return None
    if page["status"] != 200:
        ctx.log(f"The feed answered with status {page['status']}.")
        return None
    return page["text"]


# Reading


def read_feed(xml, url):
    """Return the title of a feed and its items."""
    xml = without_comments(with_escaped_cdata(xml))
    openings = list(ITEM.finditer(xml))[:MOST_ITEMS]
    if not openings:
        return "", []
    starts = [opening.start() for opening in openings]
    items = []
    for opening, end in zip(openings, [*starts[1:], len(xml)], strict=True):
        item = read_item(xml[opening.end() : end], attributes(opening[1]), url)
        if item["title"]:
            items.append(item)
    return plain(element(xml[: starts[0]], "title"), TITLE_CHARS), items


def read_item(xml, own, url):
    """Return one item; `own` are the attributes of its tag."""
    source = element(xml, "source")
    if "<" in source:
        # An Atom entry taken over from another feed carries that feed's title and date.
        xml = xml.replace(source, "")
    summaries = (element(xml, name) for name in ("description", "summary", "encoded", "content"))
    summary = next(filter(None, summaries), "")
    dates = (element(xml, name) for name in ("pubDate", "published", "updated", "date", "issued"))
    title = plain(element(xml, "title"), TITLE_CHARS)
    link = find_link(xml, own, url)
    return {
        "title": title or plain(summary, 80),
        "link": link,
        "id": short_hash(plain(element(xml, "guid") or element(xml, "id"), 500) or link or title),
        "when": next((when for when in map(read_date, dates) if when), ""),
        "summary": summary,
    }


def element(xml, name):
    """Return what is inside the first element of a name, one without a prefix first."""
    for prefix in ("", r"[\w.-]+:"):
        opening = re.search(rf"<{prefix}{name}(?=[\s/>])[^<>]*>", xml, re.IGNORECASE)
        if opening is None or opening[0].endswith("/>"):
            continue
        rest = xml[opening.end() :]
        closing = re.search(rf"</{prefix}{name}\s*>", rest, re.IGNORECASE)
        if closing:
            return rest[: closing.start()]
    return ""


def find_link(xml, own, url):
    """Return the address of an item: of Atom's link to the page, RSS's link, a guid that is one, or RDF's about."""
    links = [attributes(match[1]) for match in LINK.finditer(xml[:20_000])]
    pages = [link for link in links if "href" in link and link.get("rel", "alternate") == "alternate"]
    # Atom may link to other forms of the same item, such as a picture.
    pages.sort(key=lambda link: "html" not in link.get("type", "html"))
    found = [*(link["href"] for link in pages), element(xml, "link"), element(xml, "guid"), own.get("rdf:about", "")]
    for candidate in found:
        address = html.unescape(html.unescape(TAG.sub("", candidate))).strip()
        if address and not re.search(r"\s", address):
            try:
                address = urljoin(url, address)
            except ValueError:
                continue
            if address.startswith(("https://", "http://")):
                return address[:500]
    return ""


def attributes(text):
    """Return the attributes of a tag."""
    return {match[1].lower(): html.unescape(match[2] or match[3] or "") for match in ATTRIBUTE.finditer(text)}


def read_date(text):
    """Return a date as UTC in a form that sorts, or "" when it cannot be read."""
    text = plain(text, 60)
    try:
        if match := ISO_DATE.match(text):
            year, month, day, hour, minute, zone = match.groups()
            moment = datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), tzinfo=UTC)
        elif match := RFC_DATE.search(text):
            day, month, year, hour, minute, zone = match.groups()
            # Two digits mean a year of this century in a feed.
            year = int(year) + (2000 if len(year) == 2 else 0)
            month = MONTHS.index(month.lower()) + 1
            moment = datetime(year, month, int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
        else:
            return ""
        return minute_of(moment - offset(zone or ""))
    except (ValueError, OverflowError):
        return ""


def minute_of(moment):
    """Return a moment in UTC as a text that sorts by time."""
    return moment.strftime("%Y-%m-%dT%H:%MZ")


def offset(zone):
    """Return how far a zone is ahead of UTC."""
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", zone)
    if match is None:
        return timedelta(hours=ZONES.get(zone, 0))
    ahead = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return ahead if match[1] == "+" else -ahead


# Cleaning


def with_escaped_cdata(xml):
    """Return XML whose CDATA sections are ordinary escaped text."""
    first, *sections = xml.split("<![CDATA[")
    pieces = [first]
    for section in sections:
        inside, _, after = section.partition("]]>")
        pieces += [html.escape(inside, quote=False), after]
    return "".join(pieces)


def without_comments(xml):
    """Return XML without its comments."""
    first, *rest = xml.split("<!--")
    return first + "".join(piece.partition("-->")[2] for piece in rest)


def plain(xml, most):
    """Return what a reader sees of an element: no tags, whether escaped or not, no hidden characters, on one line."""
    text = html.unescape(without_tags(xml[:20_000]))
    for name in ("script", "style"):
        text = re.split(rf"<{name}[\s>]", text, maxsplit=1, flags=re.IGNORECASE)[0]
    text = " ".join(HIDDEN.sub("", html.unescape(without_tags(text))).split())
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,.;:-") + "…"


def without_tags(text):
    """Return text without tags of XML or HTML."""
    return TAG.sub(" ", INLINE.sub("", text))


# Choosing


def is_wanted(item, params, now):
    """Say whether an item is young enough and has one of the words."""
    days = params.get("max_age_days", 0)
    if days and item["when"] and item["when"] < minute_of(now - timedelta(days=days)):
        return False
    words = params.get("keywords", [])
    text = f"{item['title']} {plain(item['summary'], 2000)}".casefold()
    return not words or any(re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", text) for word in words)


def take_new(ctx, url, items, limit):
    """Return the first items that no earlier post was told, and note that they are told now."""
    key = short_hash(url)
    told = ctx.memory_get(key) or {}
    now, same_post = minute_of(ctx.now), minute_of(ctx.now - SAME_POST)
    items = [item for item in items if told.get(item["id"], now) >= same_post][:limit]
    if any(item["id"] not in told for item in items):
        told = {**{item["id"]: now for item in items}, **told}
        latest = sorted(told, key=lambda name: told[name], reverse=True)[:REMEMBERED]
        ctx.memory_set(key, {name: told[name] for name in latest})
    return items


def shown(item, summary_chars):
    """Return an item as the model is told it."""
    summary = plain(item["summary"], summary_chars) if summary_chars else ""
    told = {
        "title": item["title"],
        "link": item["link"],
        "date": item["when"],
        "summary": summary if summary != item["title"] else "",
    }
    return {key: value for key, value in told.items() if value}


def fitting(title, headlines):
    """Return title and headlines, as many as there is room for."""
    while len(headlines) > 1 and len(json.dumps(headlines, ensure_ascii=False).encode()) > TOLD_BYTES:
        headlines = headlines[:-1]
    return {"feed": title, "headlines": headlines}


def short_hash(text):
    """Return a short stable name for a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
