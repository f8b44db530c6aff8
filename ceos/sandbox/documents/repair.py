"""Repairs of feeds before their parser sees them.

The strict parser gives links and texts as they are written, while the one for broken documents guesses at them. The
usual mistakes are repaired here, so that fewer documents need the second one, and both get the same text.
"""

from __future__ import annotations

import html
import html.entities
import re

#: Characters that XML does not allow.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]{0,300}\?>")
#: A comment or a section of CDATA, which may lack its end.
_SECTION = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)", re.DOTALL)
#: Texts of so many characters are long.
_LONG_CHARS = 1000
_LONG_TEXT = re.compile(rf"(?<=>)[^<>]{{{_LONG_CHARS},}}(?=<)")
#: An element's text that is an address.
_ADDRESS = re.compile(r"(?<=>)\s*https?://[^<\s]+(?=\s*<)")
#: A reference that XML does not know by itself, or a sign that begins none.
_REFERENCE = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)(?:#(?:[xX](?P<hex>[0-9A-Fa-f]{1,8})|(?P<number>[0-9]{1,9}));|(?P<name>\w{1,32});)?"
)
_OF_XML = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_ROOT = re.compile(r"<(?:rss|(?P<prefix>\w+):(?:RDF|feed)|feed)(?=[\s>])", re.IGNORECASE)
#: Prefixes that feeds use without declaring them, and their namespaces.
_NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}


def repaired(text: str) -> str:
    """Return the XML of a feed without declaration and comments, and with its references in order.

    Entities that a document defines for itself are not expanded. Long texts become CDATA, which the parser passes on in
    few pieces, and short CDATA, such as that of links, becomes ordinary text.
    """
    text = _DECLARATION.sub("", _FORBIDDEN.sub("", text), count=1)
    pieces, end = [], 0
    for section in _SECTION.finditer(text):
        pieces.append(_repaired_markup(text[end : section.start()]))
        if data := section["data"]:
            pieces.append(_cdata(data) if len(data) >= _LONG_CHARS else html.escape(data, quote=False))
        end = section.end()
    return _with_namespaces(_ADDRESS.sub(_address, "".join((*pieces, _repaired_markup(text[end:])))))


def _repaired_markup(text: str) -> str:
    return _LONG_TEXT.sub(lambda match: _cdata(_unescaped(match[0])), _REFERENCE.sub(_reference, text))


def _address(match: re.Match[str]) -> str:
    """Return an address that was escaped twice as one that was escaped once; the parser of broken feeds cuts it."""
    return match[0].replace("&amp;amp;", "&amp;")


def _unescaped(text: str) -> str:
    if "&#" in text:
        return html.unescape(text)
    for reference, sign in _OF_XML:
        text = text.replace(reference, sign)
    return text


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _reference(match: re.Match[str]) -> str:
    """Return a reference that XML knows; a sign that begins none stands for itself."""
    if name := match["name"]:
        known = html.entities.html5.get(f"{name};")
        return html.escape(known) if known else f"&amp;{name};"
    if match["hex"] or match["number"]:
        code = int(match["hex"], 16) if match["hex"] else int(match["number"])
        if code > 0x10FFFF or _FORBIDDEN.match(chr(code)):
            return ""
        # HTML reads the numbers of windows-1252 that are no characters of Unicode.
        return html.escape(html.unescape(f"&#{code};")) if 0x80 <= code < 0xA0 else match[0]
    return f"&amp;{match[0][1:]}"


def _with_namespaces(text: str) -> str:
    root = _ROOT.search(text)
    if root is None:
        return text
    end = text.find(">", root.end())
    head = text[root.start() : end]
    missing = [
        f' xmlns:{prefix}="{address}"'
        for prefix, address in _NAMESPACES.items()
        if f"xmlns:{prefix}=" not in head and f"{prefix}:" in text
    ]
    return text[: root.end()] + "".join(missing) + text[root.end() :]
