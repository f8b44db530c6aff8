"""Feeds and pages read in a locked child: visible contents are returned, hidden and broken ones are not."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.errors import SkillError, SkillFailed
from ceos.sandbox import wire
from ceos.sandbox.documents.feed import read_feed
from ceos.sandbox.executor import Sandbox

URL = "https://news.example.org/feeds/all.xml"
#: For documents that are read to their end, however busy the machine is.
AMPLE = 60.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


class Reader:
    """Reads documents as a host has them read."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __call__(
        self, kind: str, body: str | bytes, *, content_type: str = "", label: str = "", seconds: float = AMPLE
    ) -> Any:
        data = body.encode() if isinstance(body, str) else body
        return self._sandbox.read_document(kind, data, url=URL, content_type=content_type, label=label, seconds=seconds)

    def items(self, body: str | bytes, *keys: str, **options: Any) -> list[Any]:
        """Return the items of a feed: a value each, or with several keys a list of values."""
        rows = [[item[key] for key in keys] for item in self("feed", body, **options)["items"]]
        return rows if len(keys) > 1 else [row[0] for row in rows]

    def item(self, inside: str, **options: Any) -> dict[str, str]:
        """Return the one item of a feed of RSS."""
        (item,) = self("feed", rss(inside), **options)["items"]
        return dict(item)


@pytest.fixture
def reader(sandbox: Sandbox) -> Reader:
    return Reader(sandbox)


def rss(*items: str, root: str = '<rss version="2.0">') -> str:
    body = "".join(f"<item>{item}</item>" for item in items)
    return f"{root}<channel><title>T</title><link>/home</link>{body}</channel></rss>"


def atom(*entries: str, attributes: str = "") -> str:
    body = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {attributes}><title>T</title>{body}</feed>'


# Links


@pytest.mark.parametrize(
    ("item", "link"),
    [
        ("<link>https://a.example/?a=1&amp;region=2&amp;copy=3</link>", "https://a.example/?a=1&region=2&copy=3"),
        ("<link>https://a.example/?a=1&region=2&copy=3</link>", "https://a.example/?a=1&region=2&copy=3"),
        ("<link><![CDATA[https://a.example/?a=1&region=2]]></link>", "https://a.example/?a=1&region=2"),
        ("<link><![CDATA[https://a.example/?a=1&amp;region=2]]></link>", "https://a.example/?a=1&region=2"),
        ("<link>https://a.example/?a=1&amp;amp;region=2</link>", "https://a.example/?a=1&region=2"),
        ("<link>\n  https://a.example/1\n</link>", "https://a.example/1"),
        ("<link>//other.example/1</link>", "https://other.example/1"),
        ("<link>one?x=1</link>", "https://news.example.org/feeds/one?x=1"),
        ('<guid isPermaLink="false">https://a.example/1</guid>', ""),
        ('<guid isPermaLink="true">https://a.example/1</guid>', "https://a.example/1"),
        ("<guid>https://a.example/1</guid>", "https://a.example/1"),
        ("<guid>a-1</guid>", ""),
        ('<guid isPermaLink="true">tag:a.example,2026:1</guid>', ""),
        ("<guid>www.a.example/1</guid>", ""),
        ("<guid>https://a.example/guid</guid><link>https://a.example/1</link>", "https://a.example/1"),
        ("<link>https://a.example/1</link><guid>https://a.example/guid</guid>", "https://a.example/1"),
        ('<link/><guid isPermaLink="false">https://a.example/1</guid>', ""),
        ("<link>javascript:alert(1)</link>", ""),
        ("<link>https://a.example/with space</link>", ""),
        ("<link>a.example: great</link>", ""),
        ('<atom:link rel="self" href="https://a.example/self"/>', ""),
        ('<enclosure url="https://a.example/1.mp3" type="audio/mpeg" length="1"/>', ""),
        ("<comments>https://a.example/comments</comments>", ""),
        ("<description>See https://a.example/1</description>", ""),
        ('<source url="https://b.example/feed">B</source>', ""),
    ],
)
@pytest.mark.parametrize("end", ["", "<broken>"], ids=["well-formed", "broken"])
def test_a_link_is_what_the_feed_says_and_nothing_else(reader: Reader, item: str, link: str, end: str) -> None:
    assert reader.item(f"<title>t</title>{item}{end}")["link"] == link


def test_an_identifier_stays_as_it_is_and_becomes_no_link_by_a_base(reader: Reader) -> None:
    root = '<rss version="2.0" xml:base="https://base.example/x/">'
    feed = rss("<title>a</title><guid>one</guid>", "<title>b</title><guid>two</guid><link>y</link>", root=root)
    assert reader.items(feed, "id", "link") == [["one", ""], ["two", "https://base.example/x/y"]]


def test_a_base_holds_for_what_is_inside(reader: Reader) -> None:
    feed = atom(
        '<title>a</title><link href="one?a=1&amp;region=2"/>',
        '<title>b</title><link xml:base="deep/" href="two"/>',
        '<title>c</title><link href="https://c.example/three"/>',
        attributes='xml:base="https://base.example/x/"',
    )
    assert reader.items(feed, "link") == [
        "https://base.example/x/one?a=1&region=2",
        "https://base.example/x/deep/two",
        "https://c.example/three",
    ]


def test_atom_links_to_a_page_and_its_identifier_is_no_link(reader: Reader) -> None:
    feed = atom(
        '<title>a</title><id>https://a.example/id</id><link rel="self" href="/self"/><link rel="edit" href="/edit"/>',
        '<title>b</title><link type="image/png" href="/p.png"/><link type="text/html" href="/page"/>',
        '<title>d</title><id>https://a.example/d</id><link href="https://a.example/d"/>',
        '<title>c</title><link rel="alternate" href="/c"/><source><link href="/of-the-source"/></source>',
    )
    assert reader.items(feed, "link") == [
        "",
        "https://news.example.org/page",
        "https://a.example/d",
        "https://news.example.org/c",
    ]


@given(st.text(st.sampled_from("abc?&=%/#.-_~+amplregioncopy0123"), max_size=40), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_link_is_passed_on_character_by_character(path: str, is_broken: bool) -> None:
    link = f"https://a.example/{path}"
    item = f"<title>t</title><link>{html.escape(link)}</link>{'<b>' if is_broken else ''}"
    assert [item["link"] for item in read_feed(rss(item), URL)["items"]] == [link]


# Texts


#: Visible characters; the library reads pairs of those of Latin-1 as UTF-8 that was decoded wrongly.
VISIBLE = st.characters(
    exclude_categories=("C",), exclude_characters="".join(map(chr, range(0x80, 0x100))), max_codepoint=0xDFFFF
)


@given(st.text(VISIBLE, min_size=1, max_size=40).filter(lambda text: text.split() != []))
@settings(max_examples=100, deadline=None)
def test_a_text_of_atom_is_what_it_was_before_it_was_escaped(text: str) -> None:
    found = read_feed(atom(f"<title>{html.escape(text)}</title>"), URL)
    assert [item["title"] for item in found["items"]] == [" ".join(text.split())]


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Vec&lt;String&gt;", "Vec<String>"),
        ("<![CDATA[Vec<String>]]>", "Vec<String>"),
        ("Vec&lt;Option&lt;u8&gt;&gt; &amp; Foo&lt;A&gt;", "Vec<Option<u8>> & Foo<A>"),
        ("Vec&lt;String&gt; is &lt;b&gt;bold&lt;/b&gt;", "Vec<String> is bold"),
        ("Use &amp;lt;div&amp;gt; well", "Use <div> well"),
        ("a &lt; b and c &gt; d", "a < b and c > d"),
        ("if x &lt;y and z", "if x <y and z"),
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("R&D at AT&T", "R&D at AT&T"),
        ("caf&eacute; &nbsp; &#8211; &#x2013; &#150;", "café – – –"),
        ("&copy 2026 &unknown;", "&copy 2026 &unknown;"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;News", "News"),
        ("x<![CDATA[y &amp; z]]>", "xy & z"),
        ("a\x00b\x0cc&#0;&#xD800;&#x110000;d", "abcd"),
    ],
)
def test_a_title_of_rss_is_text_or_html_whichever_it_looks_like(reader: Reader, title: str, text: str) -> None:
    assert reader.item(f"<title>{title}</title>")["title"] == text


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("<title>Vec&lt;String&gt;</title>", "Vec<String>"),
        ("<title>&lt;b&gt; &amp;amp;</title>", "<b> &amp;"),
        ('<title type="html">Vec&amp;lt;String&amp;gt; &lt;b&gt;x&lt;/b&gt;</title>', "Vec<String> x"),
        ('<title type="html">Vec&lt;String&gt;</title>', "Vec<String>"),
        (
            '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">A <b>b</b>c &lt;T&gt;</div></title>',
            "A bc <T>",
        ),
    ],
)
def test_atom_says_what_is_html(reader: Reader, title: str, text: str) -> None:
    assert reader.items(atom(title), "title") == [text]


def test_a_description_is_html_and_its_blocks_are_apart(reader: Reader) -> None:
    text = "<p>One &amp; Vec&lt;String&gt;</p><p>two<br>three <i>fo</i>ur<script>no()</script></p>"
    item = reader.item(f"<title>t</title><description><![CDATA[{text}]]></description>")
    assert item["summary"] == "One & Vec<String> two three four"
    long = f"<p>{'Vec&lt;T&gt; &amp; so on. ' * 200}</p>"
    for inside in (f"<![CDATA[{long}]]>", long.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")):
        summary = reader.item(f"<title>t</title><content:encoded>{inside}</content:encoded>")["summary"]
        assert summary.startswith("Vec<T> & so on. Vec<T> & so on. ")
        assert len(summary) <= 2000


# Dates


@pytest.mark.parametrize(
    ("date", "utc"),
    [
        ("Sat, 28 Feb 2026 18:00:00 +0100", "2026-02-28T17:00:00Z"),
        ("Sat, 28 Feb 2026 18:00:00 -0730", "2026-03-01T01:30:00Z"),
        ("Sat, 28 Feb 2026 18:00 UT", "2026-02-28T18:00:00Z"),
        ("28 Feb 26 18:00:00 GMT", "2026-02-28T18:00:00Z"),
        ("Sat, 28 Feb 2026 18:00:00 Z", "2026-02-28T18:00:00Z"),
        *(
            (f"Sat, 28 Feb 2026 12:00:00 {zone}", f"2026-02-28T{hour}:00:00Z")
            for zone, hour in {
                **{"EST": 17, "EDT": 16, "CST": 18, "CDT": 17, "MST": 19, "MDT": 18, "PST": 20, "PDT": 19},
                **{"CET": 11, "CEST": 10, "JST": "03", "BST": 11, "AEDT": "01", "MSK": "09"},
                # As RFC 822 has them, which RSS names.
                **{"A": 13, "I": 21, "K": 22, "N": 11, "Y": "00"},
            }.items()
        ),
        ("Sat, 28 Feb 2026 18:00:00 GMT+2", "2026-02-28T16:00:00Z"),
        ("Sat, 28 Feb 2026 18:00:00 UTC-05:00", "2026-02-28T23:00:00Z"),
        ("Sat, 28 Feb 2026 06:00:00 PM EST", "2026-02-28T23:00:00Z"),
        ("Saturday, 28-Feb-26 18:00:00 GMT", "2026-02-28T18:00:00Z"),
        ("Sat Feb 28 18:00:00 2026", "2026-02-28T18:00:00Z"),
        ("Sat Feb 28 18:00:00 PST 2026", "2026-03-01T02:00:00Z"),
        ("February 28, 2026 18:00 +0100", "2026-02-28T17:00:00Z"),
        ("Sat, 28 Feb 2026 23:59:60 GMT", "2026-02-28T23:59:59Z"),
        ("2026-02-28T18:00:00Z", "2026-02-28T18:00:00Z"),
        ("2026-02-28T18:00:00.123+05:30", "2026-02-28T12:30:00Z"),
        ("2026-02-28T18:00+01", "2026-02-28T17:00:00Z"),
        ("2026-02-28 18:00:00 -0800", "2026-03-01T02:00:00Z"),
        ("2026-02-28 18:00:00 EST", "2026-02-28T23:00:00Z"),
        ("20260228T180000Z", "2026-02-28T18:00:00Z"),
        ("2026-02-28T24:00:00Z", "2026-03-01T00:00:00Z"),
        ("2026-02", "2026-02-01T00:00:00Z"),
        ("Mon, 31 Feb 2026 09:00:00 GMT", ""),
        ("28 Feb 2026 18:00 +9900", ""),
        ("28 Feb 2026 25:00 GMT", ""),
        ("2026/02/28 18:00:00", "2026-02-28T18:00:00Z"),
        ("2026-059", ""),
        ("1772442000", ""),
        ("yesterday", ""),
    ],
)
def test_dates_are_in_utc(reader: Reader, date: str, utc: str) -> None:
    assert reader.item(f"<title>t</title><pubDate>{date}</pubDate>")["published"] == utc


def test_the_newest_items_come_first_and_those_without_a_date_last(reader: Reader) -> None:
    dates = ("2026-02-01", "", "2026-03-01", "", "2025-12-31")
    feed = rss(*(f"<title>{n}</title><pubDate>{date}</pubDate>" for n, date in enumerate(dates)))
    assert reader.items(feed, "title") == ["2", "0", "4", "1", "3"]


# Formats


@pytest.mark.parametrize(
    "feed",
    [
        '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel><title>T</title>'
        "<item><title>One</title><link>https://a.example/1</link></item></channel></rss>",
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>T</title></channel>'
        "<item><title>One</title><link>https://a.example/1</link></item></rdf:RDF>",
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<channel rdf:about="/"><title>T</title></channel><item rdf:about="https://a.example/1"><title>One</title>'
        "</item></rdf:RDF>",
        rss("<title>One</title><link>https://a.example/1</link>"),
        rss("<title>One</title><link>https://a.example/1</link>", root="<!-- a --><rss>"),
        atom('<title>One</title><link href="https://a.example/1"/>'),
        "<atom:feed><atom:title>T</atom:title><atom:entry><atom:title>One</atom:title><atom:link href="
        '"https://a.example/1"/></atom:entry></atom:feed>',
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>T</title><entry><title>One</title>'
        '<link rel="alternate" type="text/html" href="https://a.example/1"/></entry></feed>',
        json.dumps({"title": "T", "items": [{"id": 1, "title": "One", "url": "https://a.example/1"}]}),
    ],
    ids=["0.91", "0.90", "1.0", "2.0", "comment", "atom", "prefixed", "atom-0.3", "json"],
)
def test_each_format_is_read(reader: Reader, feed: str) -> None:
    found = reader("feed", feed)
    assert (found["title"], [(item["title"], item["link"]) for item in found["items"]]) == (
        "T",
        [("One", "https://a.example/1")],
    )


def test_json_feed_has_the_same_fields(reader: Reader) -> None:
    item = {
        "id": "1",
        "url": "/1?a=1&region=2",
        "title": "Vec<String>",
        "content_html": "<p>One &amp; two",
        "date_published": "2026-02-28T10:00:00+01:00",
        "authors": [{"name": "Ada"}],
    }
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "T", "home_page_url": "/", "items": [item, 3]}
    assert reader("feed", json.dumps(feed)) == {
        "title": "T",
        "link": "https://news.example.org/",
        "items": [
            {
                "title": "Vec<String>",
                "link": "https://news.example.org/1?a=1&region=2",
                "id": "1",
                "published": "2026-02-28T09:00:00Z",
                "author": "Ada",
                "summary": "One & two",
            }
        ],
    }


def test_doubled_items_are_returned_once(reader: Reader) -> None:
    feed = rss(
        "<title>a</title><guid>1</guid><pubDate>2026-03-01</pubDate>",
        "<title>a, corrected</title><guid>1</guid><pubDate>2026-03-02</pubDate>",
        "<title>b</title><link>https://a.example/b</link><guid>2</guid>",
        "<title>b again</title><link>https://a.example/b</link><guid>3</guid>",
        "<title>c</title><link>https://a.example/c?from=1</link><pubDate>2026-02-01</pubDate>",
        "<title>C</title><link>https://a.example/c?from=2</link><pubDate>2026-02-01</pubDate>",
        "<title>weather</title><link>https://a.example/w1</link><pubDate>2026-01-01</pubDate>",
        "<title>weather</title><link>https://a.example/w2</link><pubDate>2026-01-02</pubDate>",
        "<title>d</title>",
        "<title>d</title>",
        "<title>e</title><link>https://a.example/e</link>",
        "<title>e</title><link>https://a.example/e#comments</link>",
        "<title>f</title><link>https://a.example/changes#2</link>",
        "<title>g</title><link>https://a.example/changes#1</link>",
        "",
    )
    assert sorted(reader.items(feed, "title")) == ["a, corrected", "b", "c", "d", "e", "f", "g", "weather", "weather"]


def test_a_feed_that_is_cut_off_keeps_its_whole_items(reader: Reader) -> None:
    feed = rss(
        "<title>One</title><link>https://a.example/1</link>", "<title>Two</title><link>https://a.example/2</link>"
    )
    assert reader.items(feed[: feed.index("example/2")], "title") == ["One"]
    named = rss(
        "<title>One</title>", "<title>Two</title><description>The tag &lt;item&gt; & more</description><broken>"
    )
    assert reader.items(named, "title") == ["One", "Two"]
    assert reader.items("<rss><channel><title>T</title><item ", "title") == []


# Encodings


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("iso-8859-1", "cp1252", "“Grüße” – 5 €"),
        ("windows-31j", "cp932", "①髙島屋"),
        ("windows-949", "cp949", "똠방각하"),
        ("windows-874", "cp874", "ภาษาไทย"),
        ("big5-hkscs", "big5hkscs", "嗰啲佢哋"),
        ("utf-16", "utf-16", "Grüße 时"),
    ],
)
def test_the_encoding_is_found_in_the_header_or_the_document(reader: Reader, label: str, codec: str, text: str) -> None:
    feed = f"<?xml version='1.0' encoding='{label}'?>{rss(f'<title>{text}</title>')}".encode(codec)
    for content_type in ("application/octet-stream", "", f"text/xml; charset={label}"):
        assert reader.items(feed, "title", content_type=content_type) == [text]
    page = f"<meta charset={label}><title>{text}</title>".encode(codec)
    for content_type in ("text/html", f"text/html; charset={label}"):
        assert reader("page", page, content_type=content_type)["title"] == text


def test_a_mark_goes_before_the_header_and_what_names_none_is_detected(reader: Reader) -> None:
    feed = rss("<title>Grüße</title>")
    assert reader.items(b"\xef\xbb\xbf" + feed.encode(), "title", content_type="text/xml; charset=koi8-r") == ["Grüße"]
    russian = "Быстрая лиса прыгает через ленивую собаку, и все смеются над этой историей каждый день."
    assert reader.items(rss(f"<title>{russian}</title>").encode("cp1251"), "title") == [russian]
    japanese = "これは日本語のテキストです。文字コードは宣言されていません。"
    page = reader("page", f"<p>{japanese}</p>".encode("cp932"), content_type="text/html")
    assert page["text"] == japanese


# Pages


def test_a_page_says_what_it_is_and_its_main_part_is_its_text(reader: Reader) -> None:
    source = """<!doctype html><html lang="en-GB"><head><base href="https://www.example.org/a/">
        <title>Rivets &amp; bolts</title>
        <link rel="stylesheet canonical" href="rivets?x=1&amp;region=2"><meta property="og:site_name" content="A blog">
        <meta name=description content="Why rivets &lt;went&gt;."><meta property="article:published_time"
        content="2026-03-01T10:00:00+01:00"><script>if (a < b) write("<p>no</p>")</script></head>
        <body><nav><p>Home, and more than enough words to look like a sentence.</p></nav>
        <main><h1>Rivets</h1><p>A rivet is set <b>hot</b>,<br>and cools.<p hidden>Unseen.</p>
        <table><tr><td>1<td>2</table><div aria-hidden="true">Nor this.</div></main>
        <footer>End.</footer></body></html>"""
    assert reader("page", source, content_type="text/html") == {
        "title": "Rivets & bolts",
        "site": "A blog",
        "description": "Why rivets <went>.",
        "language": "en-GB",
        "published": "2026-03-01T09:00:00Z",
        "canonical": "https://www.example.org/a/rivets?x=1&region=2",
        "text": "Rivets\nA rivet is set hot,\nand cools.\n1\n2",
    }


@pytest.mark.parametrize("href", ["javascript:alert(1)", "", "https://[", "mailto:a@example.org"])
def test_a_canonical_address_is_one_of_the_web(reader: Reader, href: str) -> None:
    page = reader("page", f"<link rel=canonical href='{href}'><p>Text.", content_type="text/html")
    assert (page["canonical"], page["text"]) == ("", "Text.")


def test_a_page_that_is_not_html_has_a_text_only(reader: Reader) -> None:
    page = reader("page", "One < two\n\n  three", content_type="text/plain")
    assert (page["text"], page["title"]) == ("One < two\nthree", "")


# What is hostile


def test_no_entity_of_a_document_is_expanded(reader: Reader) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 50}">' for n in range(1, 9))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "{"x" * 1000}">{levels}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    feed = f"<?xml version='1.0'?>{bomb}{rss('<title>a&e8;b&f;c</title>')}"
    assert reader.items(feed, "title") == ["a&e8;b&f;c"]


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("feed", "", "It is not a feed of RSS, Atom or JSON Feed."),
        ("feed", "<html><title>Not a feed</title></html>", "It is not a feed of RSS, Atom or JSON Feed."),
        ("feed", '{"items": 3}', "It is not a feed of RSS, Atom or JSON Feed."),
        ("feed", '{"items":' + "[" * 100_000, "It is not a feed of RSS, Atom or JSON Feed."),
        ("feed", "gm " * 1_700_000, "It is not a feed of RSS, Atom or JSON Feed."),
        ("feed", os.urandom(wire.DOCUMENT_BYTES), "It is not text."),
        ("page", os.urandom(wire.DOCUMENT_BYTES), "It is not text."),
    ],
    ids=["empty", "html", "json", "deep json", "long", "garbage", "garbage page"],
)
def test_what_is_no_document_is_said_to_be_none(reader: Reader, kind: str, body: str | bytes, reason: str) -> None:
    assert reader(kind, body) == {"unreadable": reason}


@pytest.mark.parametrize(
    ("kind", "head", "piece"),
    [("feed", "<rss><channel>", "<item><title>"), ("feed", "<feed>", "<a>"), ("page", "", "<div>")],
)
def test_deep_nesting_ends_with_one_error(reader: Reader, kind: str, head: str, piece: str) -> None:
    body = (head + piece * (wire.DOCUMENT_BYTES // len(piece))).encode()[: wire.DOCUMENT_BYTES]
    with pytest.raises(SkillError) as caught:
        reader(kind, body, content_type="text/html", seconds=0.5)
    assert caught.value.kind in {"wall", "cpu", "memory"}


def test_a_document_beyond_the_limit_is_refused_by_the_child(reader: Reader) -> None:
    with pytest.raises(SkillFailed):
        reader("page", b"x" * (wire.DOCUMENT_BYTES + 1))


def test_the_result_fits_into_an_answer(reader: Reader) -> None:
    items = [f"<title>{n} {'🧱' * 290}</title><description>{'🌉 ' * 1000}</description>" for n in range(400)]
    found = reader("feed", rss(*items))
    assert 20 < len(found["items"]) < 300
    assert len(json.dumps(found)) < wire.RESULT_BYTES
    assert len(reader("page", "<p>" + "🧱" * 100_000, content_type="text/html")["text"]) == 50_000


@pytest.mark.corpus
@pytest.mark.parametrize("kind", ["feed", "page"])
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<item>",
            "<item><title>",
            "<![CDATA[",
            "<!--",
            "<link ",
            "&lt;",
            "&",
            "&#",
            "<item a='",
            "<a",
            "<source>",
            "]]>",
        ),
        *("<p", "<script>", "<p>", "<article>", "<meta ", "&amp", "<nav", "a. ", "<b>", "<svg>", "<!DOCTYPE", "<?xml"),
        *("<table><tr><td>", "</p>", "<p>x</p>", "<select>", "<template>", "\x1f", "<!ENTITY a 'b'>", "xmlns:a='b' "),
    ],
)
def test_any_hostile_document_is_read_or_ends_within_the_limits(reader: Reader, kind: str, piece: str) -> None:
    body = f"<rss><channel><item><title>t</title></item>{piece * (3_000_000 // len(piece))}".encode()
    try:
        found = reader(kind, body, content_type="text/html", seconds=3)
    except SkillError as error:
        assert error.kind in {"wall", "cpu", "memory", "crashed", "error"}
    else:
        wire.check_plain(found)
