"""Feeds: RSS 0.9x, 1.0 and 2.0 and Atom by feedparser, and JSON Feed.

The library decides the meaning of elements; this module decides which addresses count as links,
which texts are HTML, and how a date is read.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser
import feedparser.mixin

from ceos.sandbox.documents.dates import read_date
from ceos.sandbox.documents.markup import Kind, clean, plain, short
from ceos.sandbox.documents.repair import repaired

#: The most items of a feed, and the longest texts of one, in characters.
MAX_ITEMS = 300
TITLE_CHARS, SUMMARY_CHARS, LINK_CHARS, ID_CHARS = 300, 2000, 2000, 500
#: The characters of markup that are read for a text.
_RAW_CHARS = 20_000
#: The beginning in which the root of a feed must be found.
_HEAD_CHARS = 20_000

_ROOT = re.compile(r"<(?:\w+:)?(?:rss|feed|RDF|channel)(?=[\s>/])", re.IGNORECASE)
_ITEM = re.compile(r"<(/?)(?:\w+:)?(?:item|entry)(?=[\s>/])", re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

# Identifiers are compared as they are written; the library would make addresses of them.
feedparser.mixin._FeedParserMixin.can_be_relative_uri.discard("id")


class NotAFeed(ValueError):
    """It is not a feed of RSS, Atom or JSON Feed."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def read_feed(text: str, url: str) -> dict[str, Any]:
    """Return title, link and items of the feed at `url`, the newest items first; raises `NotAFeed`.

    Items have title, link, id, published (in UTC), author and summary, all of them strings that may be empty. Of items
    with one id, link, or title and date only the newest is returned.
    """
    feed, items = _read_json(text, url) if text.lstrip()[:1] == "{" else _read_xml(text, url)
    return {**feed, "items": list(islice(_distinct(items), MAX_ITEMS))}


def _read_xml(text: str, url: str) -> tuple[dict[str, str], Iterator[dict[str, str]]]:
    if not _ROOT.search(text[:_HEAD_CHARS]):
        raise NotAFeed
    headers = {"content-type": "application/xml; charset=utf-8"}
    document = repaired(text)
    source = io.BytesIO(document.encode())
    parsed = feedparser.parse(source, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not parsed.version and not parsed.entries:
        raise NotAFeed
    if parsed.bozo and _is_cut_off(document):
        del parsed.entries[-1:]
    is_atom, is_rdf = parsed.version.startswith("atom"), parsed.version in ("rss090", "rss10")
    feed = {
        "title": _text(parsed.feed, "title", TITLE_CHARS, is_atom),
        "link": link_of(parsed.feed.get("link"), url),
    }
    dated = _newest_first((_first_date(entry, ("published", "updated", "created")), entry) for entry in parsed.entries)
    return feed, (_entry(entry, date, url, is_atom=is_atom, is_rdf=is_rdf) for date, entry in dated)


def _newest_first(dated: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return pairs of a date and an item by date; those without a date come last, in the order of the feed."""
    return sorted(dated, key=lambda pair: pair[0], reverse=True)


def _first_date(source: Any, keys: Iterable[str]) -> str:
    """Return the first of the dates under some keys that can be read, or an empty string."""
    return next((date for key in keys if (date := read_date(str(source.get(key) or "")))), "")


def _is_cut_off(text: str) -> bool:
    """Say whether a feed ends within an item."""
    return [tag[1] for tag in _ITEM.finditer(text)][-1:] == [""]


def _entry(entry: Any, date: str, url: str, *, is_atom: bool, is_rdf: bool) -> dict[str, str]:
    summary = _text(entry, "summary", SUMMARY_CHARS, is_atom)
    for content in entry.get("content", ())[:3] if not summary else ():
        summary = summary or short(plain(content["value"][:_RAW_CHARS], "html"), SUMMARY_CHARS)
    return {
        "title": _text(entry, "title", TITLE_CHARS, is_atom),
        "link": link_of(_entry_link(entry, is_atom=is_atom, is_rdf=is_rdf), url),
        "id": clean(str(entry.get("id") or ""))[:ID_CHARS],
        "published": date,
        "author": short(plain(str(entry.get("author") or ""), "plain"), 100),
        "summary": summary,
    }


def _entry_link(entry: Any, *, is_atom: bool, is_rdf: bool) -> Any:
    """Return the address that an entry gives for itself.

    An identifier is one if it looks like one and its format says so: a permanent link of RSS 2.0, the subject of RDF.
    The library takes any identifier for a link unless RSS says that it is none.
    """
    link, identifier = entry.get("link"), entry.get("id")
    if link and (link != identifier or any(one.get("href") == link for one in entry.get("links", ()))):
        return link
    is_permanent = (entry.get("guidislink") and not is_atom) or is_rdf
    return identifier if identifier and is_permanent and _WEB.match(identifier) else None


def _text(source: Any, key: str, chars: int, is_atom: bool) -> str:
    """Return a text of a feed as a reader sees it.

    Atom says what is HTML. RSS does not: descriptions are HTML by custom, and titles may be.
    """
    value = str(source.get(key) or "")[:_RAW_CHARS]
    kind: Kind = "html"
    if is_atom:
        kind = "plain" if source.get(f"{key}_detail", {}).get("type") == "text/plain" else "html"
    elif key == "title":
        kind = "guess"
    return short(plain(value, kind), chars)


def link_of(value: Any, url: str) -> str:
    """Return an address of the web, a relative one as seen from `url`, or an empty string."""
    address = str(value or "").strip()
    if not address or len(address) > LINK_CHARS or not address.isprintable() or " " in address:
        return ""
    try:
        # A whole address is passed on character by character.
        whole = address if _SCHEME.match(address) else urljoin(url, address)
        urlsplit(whole)
    except ValueError:
        return ""
    return whole if _WEB.match(whole) else ""


def _distinct(items: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield the items that have a title or a summary, each once."""
    seen: set[tuple[str, ...]] = set()
    for item in items:
        item["title"] = item["title"] or short(item["summary"], 80)
        if not item["title"]:
            continue
        keys: set[tuple[str, ...]] = {(key, item[key]) for key in ("id", "link") if item[key]}
        # Without a date, the page must be the same too.
        page = "" if item["published"] else item["link"].partition("#")[0] or item["id"]
        keys.add(("title", item["title"].casefold(), item["published"] or page))
        if not keys & seen:
            yield item
        seen |= keys


# JSON Feed


def _read_json(text: str, url: str) -> tuple[dict[str, str], Iterator[dict[str, str]]]:
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAFeed from None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise NotAFeed
    head = {"title": short(_plain_of(feed, "title"), TITLE_CHARS), "link": link_of(feed.get("home_page_url"), url)}
    items = [item for item in feed["items"] if isinstance(item, dict)]
    dated = _newest_first((_first_date(item, ("date_published", "date_modified")), item) for item in items)
    return head, (_json_item(item, date, url) for date, item in dated)


def _json_item(item: dict[str, Any], date: str, url: str) -> dict[str, str]:
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    names = [_plain_of(author, "name") for author in authors or () if isinstance(author, dict)]
    content = item.get("content_html")
    summary = _plain_of(item, "summary") or _plain_of(item, "content_text")
    if not summary and isinstance(content, str):
        summary = plain(content[:_RAW_CHARS], "html")
    identifier = item.get("id")
    return {
        "title": short(_plain_of(item, "title"), TITLE_CHARS),
        "link": link_of(item.get("url"), url),
        "id": clean(str(identifier))[:ID_CHARS] if isinstance(identifier, str | int | float) else "",
        "published": date,
        "author": short(next(iter(names), ""), 100),
        "summary": short(summary, SUMMARY_CHARS),
    }


def _plain_of(source: dict[str, Any], key: str) -> str:
    value = source.get(key)
    return plain(value[:_RAW_CHARS], "plain") if isinstance(value, str) else ""
