"""The encoding of a document: the labels of the WHATWG standard, and the order in which its sources are asked."""

from __future__ import annotations

import pytest

from ceos.domain.charset import decode

#: A label as pages spell it, Python's codec with the same characters, and text that its usual namesake cannot read.
LABELS = [
    ("iso-8859-1", "cp1252", "“quoted” – 5 €"),
    ("latin1", "cp1252", "“quoted” – 5 €"),
    ("us-ascii", "cp1252", "naïve"),
    ("windows-31j", "cp932", "①髙島屋"),
    ("Shift_JIS", "cp932", "①髙島屋"),
    ("windows-949", "cp949", "똠방각하"),
    ("ks_c_5601-1987", "cp949", "똠방각하"),
    ("windows-874", "cp874", "ภาษาไทย €"),
    ("tis-620", "cp874", "ภาษาไทย €"),
    ("big5-hkscs", "big5hkscs", "嗰啲佢哋"),
    ("big5", "big5hkscs", "嗰啲佢哋"),
    ("gb2312", "gb18030", "朱镕基 €"),
    ("x-sjis", "cp932", "①"),
    ("windows-1251", "cp1251", "Привет"),
    ("koi8-u", "koi8_u", "Привіт"),
    ("macintosh", "mac_roman", "œuvre"),
]


@pytest.mark.parametrize(("label", "codec", "text"), LABELS)
def test_each_label_is_read_wherever_it_stands(label: str, codec: str, text: str) -> None:
    body = text.encode(codec)
    assert decode(body, f'text/html; charset="{label}"') == text
    for head in (
        f"<!doctype html><META CHARSET={label}>",
        f"<meta content='text/html; charset={label}' http-equiv='Content-Type'>",
    ):
        assert decode(head.encode() + body, "text/html") == head + text
    declaration = f"<?xml version='1.0' encoding='{label}'?>"
    assert decode(declaration.encode() + body, "application/rss+xml") == declaration + text


@pytest.mark.parametrize(
    ("body", "content_type", "text", "why"),
    [
        (b"\xef\xbb\xbf\xc3\xa9", "text/html; charset=iso-8859-1", "é", "a mark goes before the header"),
        ("é".encode("utf-16"), "text/html; charset=utf-8", "é", "UTF-16 with its mark"),
        ("\ufeffé".encode("utf-16-be"), "", "é", "the other byte order"),
        (b'<?xml version="1.0" encoding="koi8-r"?>\xe9', "text/xml; charset=windows-1251", "й", "header, declaration"),
        (b"<meta charset=koi8-r>\xe9", "text/html; charset=windows-1251", "й", "header, meta"),
        (b"<meta charset=windows-1251>\xe9", "text/html; charset=nonsense", "й", "a header that names none"),
        (b"<!--<meta charset=koi8-r>--><meta charset=windows-1251>\xe9", "text/html", "й", "a comment"),
        (b'<meta name=d content="charset=koi8-r"><meta charset=windows-1251>\xe9', "text/html", "й", "another meta"),
        (b"<meta charset=utf-16>\xc3\xa9", "text/html", "é", "a meta element that was read is not in UTF-16"),
        ("<?xml version='1.0'?>é".encode("utf-16-le"), "", "é", "UTF-16 without a mark"),
        ("<?xml version='1.0' encoding='UTF-16'?>é".encode("utf-16-be"), "", "é", "the other one"),
        (b" " * 1024 + b"<meta charset=windows-1251>\xc3\xa9", "text/html", "é", "too far behind to count"),
        ("é".encode(), "text/plain", "é", "UTF-8 is recognised"),
        (b"5 \x80 \xe9", "text/plain", "5 € é", "what else the web calls text"),
        (b"a\xff", "text/plain; charset=utf-8", "a\ufffd", "what the header says, even where it is wrong"),
        (b"+AGE-", "text/plain; charset=utf-7", "+AGE-", "not of the web"),
        (b"", "text/html", "", "nothing"),
    ],
)
def test_the_sources_of_an_encoding_are_asked_in_order(body: bytes, content_type: str, text: str, why: str) -> None:
    assert decode(body, content_type)[-len(text) :] == text or not text, why


def test_what_names_no_encoding_is_detected_and_what_is_known_replaces_all() -> None:
    assert decode("Привет".encode("cp1251"), detect=lambda body: "windows-1251") == "Привет"
    assert decode(b"\xe9", detect=lambda body: "unknown-to-the-web") == "é"
    assert decode("é".encode(), "text/xml; charset=koi8-r", charset="utf-8") == "é"
