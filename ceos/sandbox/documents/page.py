"""Pages of HTML, by selectolax: the description that a page gives of itself, and the text of its main part."""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from ceos.sandbox.documents.dates import read_date
from ceos.sandbox.documents.feed import link_of
from ceos.sandbox.documents.markup import UNSEEN, clean, lines_of, short

TITLE_CHARS, SITE_CHARS, DESCRIPTION_CHARS, TEXT_CHARS = 300, 100, 1000, 50_000
#: The most articles and main parts of a page that are looked at.
MAX_AREAS = 5
#: A line of at least so many characters reads like a sentence; a shorter one must end like one.
LINE_CHARS, SENTENCE_CHARS = 80, 15

_SENTENCE_END = re.compile(r"[.!?…:。！？][\"'”’»)\]]*$")
#: Elements around the text of a page.
_AROUND = ["form", "select", "button", "nav", "header", "footer", "aside", "dialog"]
_NOT_SHOWN = '[hidden],[aria-hidden="true"],[style*="display:none"],[style*="display: none"]'
_IS_HTML = re.compile(r"\s*<(?:!doctype|html|head|body|!--|[a-z][a-z0-9]*[\s>/])", re.IGNORECASE)


def read_page(text: str, url: str, content_type: str) -> dict[str, Any]:
    """Return the contents of the page at `url`: title, site, description, language, published, canonical and text.

    All are strings that may be empty. `canonical` is the address that the page gives for itself, `published` is in UTC,
    and `text` has a line for each block of the main part. A page that is not HTML has a text only.
    """
    if not ("html" in content_type.lower() or _IS_HTML.match(text)):
        lines = filter(None, map(clean, text.splitlines()))
        return {**dict.fromkeys(_FIELDS, ""), "text": "\n".join(lines)[:TEXT_CHARS]}
    tree = LexborHTMLParser(text)
    head = _head(tree, url)
    title = head["title"] or _first(tree, "h1")
    return {**head, "title": short(title, TITLE_CHARS), "text": "\n".join(_main_lines(tree))[:TEXT_CHARS]}


_FIELDS = ("title", "site", "description", "language", "published", "canonical", "text")


def _head(tree: Any, url: str) -> dict[str, str]:
    meta: dict[str, str] = {}
    for element in tree.css("meta"):
        named = element.attributes
        name = (named.get("property") or named.get("name") or named.get("itemprop") or "").lower()
        if name and named.get("content"):
            meta.setdefault(name, clean(named["content"]))
    base = tree.css_first("base[href]")
    html = tree.css_first("html[lang]")
    seen_from = link_of(base.attributes["href"], url) if base else ""
    links = (link.attributes.get("href") for link in tree.css('link[rel~="canonical" i]'))
    published = meta.get("article:published_time") or meta.get("datepublished") or meta.get("date", "")
    return {
        "title": meta.get("og:title") or _first(tree, "title"),
        "site": short(meta.get("og:site_name", ""), SITE_CHARS),
        "description": short(meta.get("og:description") or meta.get("description", ""), DESCRIPTION_CHARS),
        "language": clean(html.attributes["lang"] or "")[:35] if html else "",
        "published": read_date(published),
        "canonical": next((link for link in (link_of(one, seen_from or url) for one in links) if link), ""),
    }


def _first(tree: Any, name: str) -> str:
    element = next((one for one in tree.css(name) if one.parent is None or one.parent.tag != "svg"), None)
    return clean(element.text()) if element else ""


def _main_lines(tree: Any) -> list[str]:
    """Return the lines of the first article or main part that holds a sentence, or of the whole body, each once."""
    tree.strip_tags([*UNSEEN, *_AROUND])
    for element in tree.css(_NOT_SHOWN):
        element.decompose()
    for area in islice(chain(tree.css("article"), tree.css("main"), tree.css('[role="main"]')), MAX_AREAS):
        lines = list(dict.fromkeys(lines_of(area)))
        if any(map(_is_prose, lines)):
            return lines
    return list(dict.fromkeys(lines_of(tree.body)))


def _is_prose(line: str) -> bool:
    """Say whether a line reads like a sentence, rather than like a menu or a label."""
    return len(line) >= LINE_CHARS or (len(line) >= SENTENCE_CHARS and _SENTENCE_END.search(line) is not None)
