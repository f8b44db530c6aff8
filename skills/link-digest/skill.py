"""What a web page says, for a model that is to write about it: title, description and the beginning of its text.

HTML in the wild need not be well formed, so the page is not parsed: what never holds text is cut out, tags that begin
a new line begin one here, and of the lines that are left those are kept that read like sentences.
"""

import hashlib
import html
import json
import re
from datetime import timedelta

#: What is told at most, in bytes of JSON; the host cuts off more than this.
TOLD_BYTES = 3800
#: A post that is attempted again within this time is told the same.
SAME_POST = timedelta(minutes=10)
#: Elements whose inside is no text of the page.
NO_TEXT = "script style noscript template svg iframe form select button nav header footer aside".split()
#: Whatever stands in one of these is the page; the rest is around it.
MAIN = ("article", "main")
#: A line of at least so many characters reads like a sentence; a shorter one must end like one.
LINE_CHARS, SENTENCE_CHARS = 80, 15

LINE_BREAK = re.compile(
    r"</?(?:address|article|blockquote|br|dd|div|dl|dt|figcaption|figure|h[1-6]|hr|li|main|ol|p|pre|section|table|td|th|tr|ul)"
    r"(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[!?][^<>]*>")
META = re.compile(r"<meta\s([^<>]*)>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
SENTENCE_END = re.compile(r"[.!?…:。！？][\"'”’»)\]]*$")


def run(ctx, params):
    """Return what the page says, or None when there is nothing to tell."""
    page = fetch(ctx, params["url"])
    if page is None:
        return None
    chars = params.get("chars", 1200)
    digest = digest_html(page["text"], chars) if is_html(page) else {"text": shortened(plain(page["text"]), chars)}
    digest = fitting({"url": page["url"], **{key: value for key, value in digest.items() if value}})
    if not digest.keys() & {"text", "description"}:
        ctx.log("The page has no text; it may be made by a script.")
        return None
    if params.get("only_changed", False) and not is_changed(ctx, params["url"], digest):
        return None
    return digest


def fetch(ctx, url):
    """Return the page, or None: a page that is down for a while is no failure of this skill."""
    try:
        page = ctx.http_get(url)
    except HostError as error:
        ctx.log(f"The page could not be fetched: {error}")
        return None
    if page["status"] != 200:
        ctx.log(f"The page answered with status {page['status']}.")
        return None
    return page


def is_html(page):
    """Say whether a page is HTML, by what it says and by how it begins."""
    return "html" in page["content_type"].lower() or page["text"].lstrip()[:1] == "<"


# Reading


def digest_html(source, chars):
    """Return title, site, description, date and text of a page; what is missing is empty."""
    meta = read_meta(source)
    bare = without_comments(source)
    title = meta.get("og:title") or inside(bare, "title") or inside(bare, "h1")
    return {
        "title": shortened(one_line(title), 200),
        "site": shortened(one_line(meta.get("og:site_name", "")), 80),
        "description": shortened(one_line(meta.get("og:description") or meta.get("description", "")), 400),
        "published": one_line(meta.get("article:published_time", ""))[:10],
        "text": shortened("\n".join(paragraphs(bare)), chars),
    }


def read_meta(source):
    """Return the contents of the page's meta tags by name; the first of a name counts."""
    found = {}
    for match in META.finditer(source):
        named = {one[1].lower(): one[2] or one[3] or one[4] or "" for one in ATTRIBUTE.finditer(match[1])}
        name = (named.get("property") or named.get("name") or "").lower()
        if name and named.get("content"):
            found.setdefault(name, named["content"])
    return found


def paragraphs(source):
    """Return the lines of the page that read like sentences, each once."""
    for name in NO_TEXT:
        source = without(source, name)
    areas = [inside(source, name) for name in MAIN]
    for area in [*areas, source]:
        lines = dict.fromkeys(one_line(line) for line in LINE_BREAK.sub("\n\0", area.replace("\n", " ")).split("\n\0"))
        found = [line for line in lines if is_prose(line)]
        if found:
            return found
    return []


def is_prose(line):
    """Say whether a line reads like a sentence, rather than like a menu or a label."""
    return len(line) >= LINE_CHARS or (len(line) >= SENTENCE_CHARS and SENTENCE_END.search(line) is not None)


def inside(source, name):
    """Return what is inside the first element of a name."""
    opening = re.search(rf"<{name}(?=[\s>])[^<>]*>", source, re.IGNORECASE)
    if opening is None:
        return ""
    rest = source[opening.end() :]
    closing = re.search(rf"</{name}\s*>", rest, re.IGNORECASE)
    return rest[: closing.start()] if closing else rest


def without(source, name):
    """Return a page without the elements of a name; one that is never closed ends where the next one begins."""
    first, *rest = re.split(rf"<{name}(?=[\s/>])[^<>]*>", source, flags=re.IGNORECASE)
    kept = [first]
    for piece in rest:
        closing = re.search(rf"</{name}\s*>", piece, re.IGNORECASE)
        if closing:
            kept.append(piece[closing.end() :])
    return "\n".join(kept)


def without_comments(source):
    """Return a page without its comments."""
    first, *rest = source.split("<!--")
    return first + "".join(piece.partition("-->")[2] for piece in rest)


# Cleaning


def one_line(source):
    """Return what a reader sees of a piece of HTML, on one line."""
    return " ".join(plain(TAG.sub("", source)).split())


def plain(text):
    """Return text without entities and hidden characters."""
    return HIDDEN.sub("", html.unescape(text)).strip()


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
