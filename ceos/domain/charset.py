"""The text of a document from the web: the labels of the WHATWG Encoding Standard, and the order of its sources.

The order is that of the HTML Standard: a byte order mark, the charset of the HTTP header, a declaration in the document
(of XML or in a meta element), and detection.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

import webencodings

#: The bytes of an HTML document that are searched for a meta element.
PRESCAN_BYTES = 1024

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"))
#: The first characters of an XML declaration in UTF-16 without a byte order mark.
_WIDE_DECLARATIONS = ((b"<\0?\0x\0", "utf-16le"), (b"\0<\0?\0x", "utf-16be"))
_HEADER = re.compile(r"""charset\s*=\s*["']?([^\s"';,]{1,40})""", re.IGNORECASE)
_DECLARATION = re.compile(rb"""^\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([^\s"']{1,40})["']""")
_COMMENT = re.compile(rb"<!--.*?(?:-->|$)", re.DOTALL)
_META = re.compile(rb"<meta[\s/]([^>]{0,500})>", re.IGNORECASE)
_META_CHARSET = re.compile(rb"""(?:^|[\s/"'])charset\s*=\s*["']?\s*([^\s"'/;>]{1,40})""", re.IGNORECASE)
_META_CONTENT = re.compile(
    rb"""(?:^|[\s/"'])content\s*=\s*(?:"[^"]*?|'[^']*?|\S*?)charset\s*=\s*["']?\s*([^\s"'/;>]{1,40})""", re.IGNORECASE
)
_META_HTTP_EQUIV = re.compile(rb"""http-equiv\s*=\s*["']?\s*content-type""", re.IGNORECASE)

#: Returns the label of the encoding of a document that names none and is not UTF-8.
Detect = Callable[[bytes], str]


def decode(body: bytes, content_type: str = "", *, charset: str = "", detect: Detect | None = None) -> str:
    """Return the text of a document without its byte order mark; bytes that cannot be read become U+FFFD.

    `content_type` is the HTTP header. `charset` is a label that replaces all others. Without `detect`, a document that
    names no encoding and is not UTF-8 is read as windows-1252.
    """
    for mark, label in () if charset else _MARKS:
        if body.startswith(mark):
            return _read(body[len(mark) :], label)
    named = charset or _known(_header_label(content_type)) or _declared(body, is_html="html" in content_type.lower())
    if named:
        return _read(body, named)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return _read(body, _known(detect(body)) if detect else "windows-1252")


def _read(body: bytes, label: str) -> str:
    encoding = webencodings.lookup(label or "windows-1252") or webencodings.UTF8
    # The standard decodes gbk as its superset; the library does not.
    codec = codecs.lookup("gb18030") if encoding.name == "gbk" else encoding.codec_info
    text, _ = codec.decode(body, "replace")
    return str(text).removeprefix("\ufeff")


def _known(label: str) -> str:
    """Return the standard's name of an encoding, or an empty string for an unknown label."""
    encoding = webencodings.lookup(label)
    return encoding.name if encoding else ""


def _header_label(content_type: str) -> str:
    found = _HEADER.search(content_type)
    return found[1] if found else ""


def _declared(body: bytes, *, is_html: bool) -> str:
    """Return the encoding that a document declares for itself, or an empty string."""
    for start, label in _WIDE_DECLARATIONS:
        if body.startswith(start):
            return label
    declaration = _DECLARATION.match(body[:PRESCAN_BYTES])
    named = declaration[1] if declaration else b""
    if not named and is_html:
        named = _meta_label(body[:PRESCAN_BYTES])
    name = _known(named.decode("ascii", "replace"))
    # A declaration that could be read so far is not in UTF-16, even if it says so.
    return {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}.get(name, name)


def _meta_label(head: bytes) -> bytes:
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        if found := _META_CHARSET.search(_without_content(meta[1])):
            return found[1]
        if _META_HTTP_EQUIV.search(meta[1]) and (found := _META_CONTENT.search(meta[1])):
            return found[1]
    return b""


def _without_content(attributes: bytes) -> bytes:
    """Return the attributes of a meta element without the values in quotation marks of `content`."""
    return re.sub(rb"""content\s*=\s*(?:"[^"]*"|'[^']*')""", b"", attributes, flags=re.IGNORECASE)


def codecs_of_the_web() -> tuple[str, ...]:
    """Return Python's names of the encodings of the standard, for a process that must load them beforehand."""
    names = {encoding.name: encoding.codec_info.name for encoding in map(webencodings.lookup, webencodings.LABELS)}
    return ("gb18030", *(python for name, python in names.items() if name not in ("replacement", "x-user-defined")))
