"""One document in a locked child: its encoding, its format, and the size of what is returned."""

from __future__ import annotations

import json
from typing import Any

import charset_normalizer

from ceos.domain import charset
from ceos.sandbox import wire
from ceos.sandbox.documents.feed import NotAFeed, read_feed
from ceos.sandbox.documents.page import read_page

#: The bytes of a document whose encoding is detected.
_SAMPLE_BYTES = 16 * 1024
#: The characters by which binary data is recognised, and the share of strange ones from which it is: one of so many.
_SAMPLE_CHARS, _STRANGE_SHARE = 4096, 10
#: The encodings that are told apart, by Python's names: the usual ones of pages that name none.
_DETECTED = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp874", "koi8_r"),
    *("cp932", "euc_jp", "iso2022_jp", "gb18030", "big5hkscs", "cp949", "iso8859_2"),
)
#: Python's names that are not labels of the web.
_LABELS = {"cp932": "shift_jis", "cp949": "euc-kr", "big5hkscs": "big5", "cp874": "windows-874"}

_WARM_UP = (
    ("feed", b'<rss version="2.0"><channel><item><title>a &lt;b&gt;c&lt;/b&gt;</title></item></channel></rss>'),
    ("page", "<p>Быстрая лиса &amp; ленивый пёс, и ещё один пёс.".encode("cp1251")),
)


def read_document(kind: str, body: bytes, *, url: str, content_type: str, label: str) -> dict[str, Any]:
    """Return a feed or a page as plain data, or the reason why it cannot be read under `unreadable`.

    `label` names the encoding if it is known; see `domain.charset`.
    """
    text = charset.decode(body, content_type, charset=label, detect=_detect)
    if _is_binary(text[:_SAMPLE_CHARS]):
        return {"unreadable": "It is not text."}
    if kind == "page":
        return read_page(text, url, content_type)
    try:
        feed = read_feed(text, url)
    except NotAFeed as error:
        return {"unreadable": str(error)}
    return {**feed, "items": _fitting(feed["items"])}


def warm_up() -> None:
    """Load what documents need, because a locked process cannot read files."""
    for name in (*_DETECTED, *charset.codecs_of_the_web()):
        b"".decode(name)
    for kind, body in _WARM_UP:
        read_document(kind, body, url="https://example.org/", content_type="text/html", label="")


def _is_binary(text: str) -> bool:
    """Say whether bytes were no text, by the signs that no text has."""
    strange = sum(sign == "\ufffd" or (sign < " " and sign not in "\t\n\r\f") for sign in text)
    return strange > len(text) // _STRANGE_SHARE


def _detect(body: bytes) -> str:
    found = charset_normalizer.from_bytes(body[:_SAMPLE_BYTES], cp_isolation=list(_DETECTED)).best()
    name = str(found.encoding) if found else "cp1252"
    return _LABELS.get(name, name.replace("_", "-"))


def _fitting(items: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the first items, as many as an answer has room for."""
    left = wire.RESULT_BYTES * 3 // 4
    for number, item in enumerate(items):
        left -= len(json.dumps(item))
        if left < 0:
            return items[:number]
    return items
