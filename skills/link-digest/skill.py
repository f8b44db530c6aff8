"""The contents of a web page, for a model that writes about it: title, description and the beginning of its text."""

import hashlib
import json
import re
from datetime import timedelta
from urllib.parse import urlsplit

#: What is told at most, in bytes of JSON; the host cuts off more than this.
TOLD_BYTES = 3800
#: A post that is attempted again within this time is told the same.
SAME_POST = timedelta(minutes=10)
#: A line of at least so many characters reads like a sentence; a shorter one must end like one.
LINE_CHARS, SENTENCE_CHARS = 80, 15
SENTENCE_ENDS = (".", "!", "?", "…", ":", "。", "！", "？")
CLOSING_MARKS = "\"'”’»)]"


def run(ctx, params):
    """Return what the page says, or None when there is nothing to tell."""
    try:
        page = ctx.http_page(params["url"])
    except HostError as error:
        # A page that is down for a while is no failure of this skill.
        ctx.log(f"There is no page: {error}")
        return None
    digest = digest_of(page, params.get("chars", 1200))
    if not digest.keys() & {"text", "description"}:
        ctx.log("The page has no text; it may be made by a script.")
        return None
    if params.get("only_changed", False) and not is_changed(ctx, params["url"], digest):
        return None
    return digest


def digest_of(page, chars):
    """Return address, title, site, description, date and text of a page, as far as it has them."""
    lines = page["text"].split("\n")
    if "html" in page["content_type"].lower() or page["title"]:
        lines = [line for line in lines if is_prose(line)]
    digest = {
        "url": address(page),
        "title": shortened(page["title"], 200),
        "site": shortened(page["site"], 80),
        "description": shortened(page["description"], 400),
        "published": page["published"][:10],
        "text": shortened("\n".join(lines), chars),
    }
    return fitting({key: value for key, value in digest.items() if value})


def address(page):
    """Return the address that the page gives for itself, if it is on the page's own host."""
    own = page["canonical"]
    return own if own and urlsplit(own).netloc == urlsplit(page["url"]).netloc else page["url"]


def is_prose(line):
    """Say whether a line reads like a sentence, rather than like a menu or a label."""
    return len(line) >= LINE_CHARS or (
        len(line) >= SENTENCE_CHARS and line.rstrip(CLOSING_MARKS).endswith(SENTENCE_ENDS)
    )


def shortened(text, most):
    """Return the beginning of a text, up to the end of a sentence if one is near."""
    if len(text) <= most:
        return text
    text = text[: most - 1]
    ends = [match.end() for match in re.finditer(r"[.!?…。！？](?=\s)|\n", text)]
    if ends and ends[-1] > most // 2:
        return text[: ends[-1]].strip()
    return text.rsplit(" ", 1)[0].rstrip(" ,.;:-") + "…"


def fitting(digest):
    """Return the digest, its text short enough to be told."""
    while len(json.dumps(digest, ensure_ascii=False).encode()) > TOLD_BYTES and "text" in digest:
        text = shortened(digest["text"], len(digest["text"]) * 3 // 4)
        digest = {**digest, "text": text}
    return digest


def is_changed(ctx, url, digest):
    """Say whether the page reads otherwise than when an earlier post was told it, and note how it reads now."""
    key = hashlib.sha256(url.encode()).hexdigest()[:12]
    text = json.dumps([digest.get("title"), digest.get("description"), digest.get("text")])
    reading = hashlib.sha256(text.encode()).hexdigest()[:16]
    known = ctx.memory_get(key) or {}
    if known.get("reading") == reading:
        return known.get("since", "") >= (ctx.now - SAME_POST).strftime("%Y-%m-%dT%H:%MZ")
    ctx.memory_set(key, {"reading": reading, "since": ctx.now.strftime("%Y-%m-%dT%H:%MZ")})
    return True
