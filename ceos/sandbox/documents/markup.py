"""The text of HTML: of a tree, and of the short pieces in feeds, of which many are no HTML at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from selectolax.lexbor import LexborHTMLParser

#: How a piece of text is to be understood: as it is, as HTML, or as the one of both that it looks like.
Kind = Literal["plain", "html", "guess"]

#: The elements of HTML, current and former.
ELEMENTS = frozenset(
    """a abbr acronym address applet area article aside audio b base bdi bdo big blink blockquote body br button canvas
    caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset
    figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input
    ins kbd label legend li link main map mark marquee math menu meta meter nav nobr noframes noscript object ol
    optgroup option output p param picture pre progress q rp rt ruby s samp script search section select slot small
    source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr
    track tt u ul var video wbr""".split()  # noqa: SIM905  # a long list of words reads better as words
)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "wbr")
)
#: Elements that stand on lines of their own.
_BLOCKS = (
    "address,article,blockquote,br,caption,dd,details,div,dl,dt,fieldset,figcaption,figure,h1,h2,h3,h4,h5,h6,hr,li,"
    "main,ol,p,pre,section,summary,table,td,th,tr,ul"
)
#: Elements whose content is no text of a document.
UNSEEN = ["script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "audio", "video"]

#: Stands for the end of a line while a text is taken from a tree.
_BREAK = "\x1f"
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e0fff]"
)
#: An opening or closing tag, a comment, a lone sign, or an ampersand that begins no complete reference.
_SIGN = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)(?=[\s/>])|<!--|<"
    r"|&(?!(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)"
)
_TAG_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")


def clean(text: str) -> str:
    """Return a text on one line without invisible characters."""
    return " ".join(_HIDDEN.sub("", text).split())


def short(text: str, chars: int) -> str:
    """Return a text of at most `chars` characters, cut at a word."""
    if len(text) <= chars:
        return text
    return text[: chars - 1].rsplit(" ", 1)[0].rstrip(" ,.;:-") + "…"


def plain(text: str, kind: Kind) -> str:
    """Return a short piece as a reader sees it, on one line.

    Signs such as those of `Vec<String>` stay: only names of HTML's elements make tags, and in a text that may not be
    HTML only those that are closed. Text outside tags is unescaped once.
    """
    if kind == "plain" or not ("<" in text or "&" in text):
        return clean(text)
    tree = LexborHTMLParser(_with_escaped_signs(text, is_html=kind == "html"))
    tree.strip_tags(UNSEEN)
    return clean(" ".join(lines_of(tree.body)))


def lines_of(node: Any) -> Iterator[str]:
    """Yield the lines of a part of a tree, which is changed by it; empty ones are left out."""
    if node is None:
        return
    for block in node.css(_BLOCKS):
        block.insert_before(_BREAK)
        block.insert_after(_BREAK)
    for line in node.text().split(_BREAK):
        if line := clean(line):
            yield line


def _with_escaped_signs(text: str, *, is_html: bool) -> str:
    """Return a piece whose signs that belong to no tag, comment or reference of HTML are escaped."""
    found = {(end, name.lower()) for end, name in _TAG_NAME.findall(text)}

    def escaped(match: re.Match[str]) -> str:
        sign = match[0]
        if sign == "<!--":
            return sign if "-->" in text[match.end() :] else "&lt;!--"
        if sign == "&":
            return "&amp;"
        if sign != "<" and _is_tag(match["name"], found, is_html):
            return sign
        return f"&lt;{sign[1:]}"

    return _SIGN.sub(escaped, text)


def _is_tag(name: str, found: set[tuple[str, str]], is_html: bool) -> bool:
    """Say whether a name makes a tag; names of types are written with one capital, such as `Option`."""
    lower = name.lower()
    if lower not in ELEMENTS or not (name.islower() or name.isupper()):
        return False
    return is_html or lower in _VOID or {("", lower), ("/", lower)} <= found
