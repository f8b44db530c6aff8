"""Cleaning, counting, splitting, shortening and comparing text; in bytes, and never through a grapheme."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ceos.domain.text import (
    CAST_BYTES,
    SPLIT_MARKER,
    byte_length,
    clean,
    fit,
    graphemes,
    shingles,
    similarity,
    split_thread,
)

FAMILY = "👨‍👩‍👧‍👦"
GERMANY = "🇩🇪"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
WAVE = "👋🏽"
HEART = "❤️"
ACCENTED = "e\u0301\u0323"

UNITS = [
    FAMILY,
    GERMANY,
    ENGLAND,
    WAVE,
    HEART,
    ACCENTED,
    "क्षि",
    "กำ",
    "日",
    "本",
    "。",
    "、",
    "「",
    "」",
    "ー",
    "가",
    "é",
    "a",
]
WORDS = ["gas", "fees.", "Why?", "No!", "e.g.", "@ada.eth", "https://example.org/a-b?c=d", "(see", "it)", "…"]
pieces = st.sampled_from([*UNITS, *WORDS, " ", " ", " ", " ", "\n", "\n\n"])
texts = st.lists(pieces, max_size=150).map("".join)


def squeezed(text: str) -> str:
    """Return the text without white space."""
    return "".join(text.split())


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("gm", 2), ("héllo 👋", 11), ("日本", 6), (FAMILY, 25), (GERMANY, 8), ("\ud800", 3)]
)
def test_length_is_in_bytes(text: str, size: int) -> None:
    assert byte_length(text) == size


# Cleaning


@pytest.mark.parametrize(
    ("text", "cleaned", "shows"),
    [
        ("  gm \n", "gm", "outer white space"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", "newlines"),
        ("a\tb", "a b", "a tab is a space"),
        ("a\x00b\x1b[1mc\x7f\x9f", "ab[1mc", "control characters"),
        ("a\n\n\n\n\nb", "a\n\nb", "blank lines"),
        ("a  \n \n \n b", "a\n\n b", "blank lines with spaces"),
        ("e\u0301", "é", "composed"),
        ("zero\u200b-width\ufeff\u2060\u00ad", "zero-width", "hidden characters"),
        ("\u202egnp.exe\u2066", "gnp.exe", "direction overrides"),
        ("a\ud800b\udfff", "ab", "lone surrogates"),
        ("\ud83d\ude00", "😀", "a pair of surrogates is an emoji"),
        (FAMILY + HEART + WAVE + GERMANY + ENGLAND, FAMILY + HEART + WAVE + GERMANY + ENGLAND, "emoji stay whole"),
        ("gm\U000e0068\U000e0069", "gm", "hidden tag characters"),
        ("a" + "\ufe0f\ufe01\U000e0101", "a\ufe0f", "a row of selectors can hide data"),
        ("می\u200cخواهم", "می\u200cخواهم", "Persian needs its non-joiner"),
        ('"gm"', "gm", "straight quotes around it all"),
        ("“gm”", "gm", "curly quotes"),
        ("'gm'", "gm", "single quotes"),
        ("«gm»", "gm", "guillemets"),
        ("„gm“", "gm", "German quotes"),
        ("「gm」", "gm", "corner brackets"),
        ("\"'gm'\"", "gm", "twice"),
        ("'don't stop'", "don't stop", "an apostrophe inside"),
        ('"a" and "b"', '"a" and "b"', "two quotations"),
        ('He said "gm"', 'He said "gm"', "a quotation at the end"),
        ('"', '"', "a lone quote"),
    ],
)
def test_cleaning(text: str, cleaned: str, shows: str) -> None:
    assert clean(text) == cleaned, shows


@given(st.text(st.characters(codec=None), max_size=60) | texts)
@example("'\u200b' ")
@example('""')
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    once.encode("utf-8")
    assert not any(unicodedata.category(char) in ("Cc", "Cs") and char != "\n" for char in once)


# Graphemes


@pytest.mark.parametrize(
    "grapheme",
    [FAMILY, GERMANY, ENGLAND, WAVE, HEART, ACCENTED, "क्षि", "กำ", "1\ufe0f\u20e3", "\u1112\u1161\u11ab", "ｶ\uff9e"],
)
def test_a_grapheme_is_one_character_to_the_reader(grapheme: str) -> None:
    assert list(graphemes(f"a{grapheme}b")) == ["a", grapheme, "b"]
    assert list(graphemes(grapheme * 3)) == [grapheme] * 3


def test_long_rows_of_dashes_and_spaces_are_no_burden() -> None:
    assert len(split_thread("-" * 3_000)) == 10
    assert split_thread("a" + " " * 50_000 + "b" + "-" * 100 + "SPLIT--", limit=8) == ("a", "b")


@given(texts)
def test_graphemes_are_the_text(text: str) -> None:
    assert "".join(graphemes(text)) == text


# Threads


@pytest.mark.parametrize(
    ("text", "limit", "parts", "shows"),
    [
        ("", 320, (), "nothing"),
        (" \n", 320, (), "white space"),
        ("gm", 320, ("gm",), "one part"),
        (f"One.{SPLIT_MARKER}Two.", 320, ("One.", "Two."), "the marker"),
        (f"\n{SPLIT_MARKER}\nOne.\n{SPLIT_MARKER}\n\n{SPLIT_MARKER}\nTwo.\n", 320, ("One.", "Two."), "empty sections"),
        ("One.\n--- split ---\nTwo.\n——SPLIT——\nThree.", 320, ("One.", "Two.", "Three."), "misspelt markers"),
        ("A first one.\n\nA second. A third.", 20, ("A first one.", "A second. A third."), "between paragraphs"),
        (
            "Gas is cheap. Blobs are cheap. Fees fell.",
            32,
            ("Gas is cheap.", "Blobs are cheap. Fees fell."),
            "between sentences",
        ),
        (
            "Ask Dr. Smith e.g. today. He knows.",
            27,
            ("Ask Dr. Smith e.g. today.", "He knows."),
            "abbreviations end nothing",
        ),
        ("Gas fell! 🎉 Blobs are next.", 20, ("Gas fell! 🎉", "Blobs are next."), "an emoji stays with its sentence"),
        ("日本語の文章。次の文章です。", 24, ("日本語の文章。", "次の文章です。"), "Japanese sentences"),
        ("你好吗？我很好！", 18, ("你好吗？", "我很好！"), "Chinese sentences"),
        ("日本語日本語日本語", 12, ("日本語", "日本語", "日本語"), "no sentences, no spaces"),
        ("「日本」「日本」", 13, ("「日本」", "「日本」"), "brackets stay with their words"),
        (
            "see https://example.org/a.b!c now",
            26,
            ("see", "https://example.org/a.b!c", "now"),
            "an address stays whole",
        ),
        (
            "見てhttps://example.org/aを",
            21,
            ("見て", "https://example.org/a", "を"),
            "an address between Japanese words",
        ),
        ("thank you @adalovelace.eth so much", 18, ("thank you", "@adalovelace.eth", "so much"), "a name stays whole"),
        (FAMILY * 3, 30, (FAMILY,) * 3, "emoji stay whole"),
        (GERMANY * 4, 17, (GERMANY * 2,) * 2, "flags stay whole"),
        (ACCENTED * 4, 10, (ACCENTED * 2,) * 2, "accents stay with their letters"),
        ("a" * 25, 10, ("a" * 9, "a" * 8, "a" * 8), "one endless word"),
    ],
)
def test_splitting(text: str, limit: int, parts: tuple[str, ...], shows: str) -> None:
    found = split_thread(text, limit=limit)
    assert sorted(map(len, found)) == sorted(map(len, parts)) if shows == "one endless word" else found == parts, shows


def test_a_text_that_fits_exactly_is_one_part() -> None:
    text = "é" * 160
    assert split_thread(text) == (text,)
    assert len(split_thread(text + "é")) == 2


def test_parts_made_by_a_marker_are_not_merged_even_with_pieces() -> None:
    parts = split_thread(f"gm{SPLIT_MARKER}{'Gas is cheap today. ' * 20}{SPLIT_MARKER}gn")
    assert parts[0] == "gm"
    assert parts[-1] == "gn"
    assert len(parts) == 4


def test_no_word_is_left_alone() -> None:
    text = "word " * 63 + "words again"
    parts = split_thread(text)
    assert len(parts) == 2
    assert len(parts[-1].split()) > 20
    assert len(split_thread("Gas is cheap today, " * 16 + "it is. Yes.")[-1].split()) > 1


def test_as_few_parts_as_possible_when_there_is_no_room_for_pretty_ones() -> None:
    text = " ".join(["One sentence of thirty-two bytes."] * 3)
    assert len(split_thread(text, limit=52)) == 3
    assert len(split_thread(text, limit=52, max_parts=2)) == 2


@pytest.mark.parametrize(
    ("text", "max_parts"), [("gm " * 2000, 10), ("a" * 321, 1), (SPLIT_MARKER.join("abc"), 2), ("x" * 10**7, 10)]
)
def test_what_does_not_fit_is_refused_with_the_way_out(text: str, max_parts: int) -> None:
    with pytest.raises(ValueError, match=r"[\d,]+ bytes .* shorten it to .*\.$"):
        split_thread(text, max_parts=max_parts)


def test_a_limit_below_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        split_thread("gm", limit=3)


@settings(deadline=None)
@given(texts, st.integers(4, 120))
def test_parts_keep_every_character_in_order_and_the_limit(text: str, limit: int) -> None:
    assume(all(len(address) <= limit for address in re.findall(r"https?://[\x21-\x7e]+", text)))
    parts = split_thread(text, limit=limit, max_parts=10_000)
    assert squeezed("".join(parts)) == squeezed(text)
    assert all(part == part.strip() and part and byte_length(part) <= limit for part in parts)


@settings(deadline=None)
@given(texts, st.integers(34, 120))
def test_no_grapheme_address_or_name_is_cut(text: str, limit: int) -> None:
    assume(all(len(address) <= limit for address in re.findall(r"https?://[\x21-\x7e]+", text)))
    parts = split_thread(text, limit=limit, max_parts=10_000)
    assert [g for part in parts for g in graphemes(part) if g.strip()] == [g for g in graphemes(text) if g.strip()]
    for whole in ("https://example.org/a-b?c=d", "@ada.eth"):
        spaced = text.replace(whole, f" {whole} ")
        cut = split_thread(spaced, limit=limit, max_parts=10_000)
        assert sum(part.count(whole) for part in cut) == spaced.count(whole)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=200), st.integers(4, 60))
def test_any_text_can_be_split(text: str, limit: int) -> None:
    parts = split_thread(text, limit=limit, max_parts=10_000)
    assert all(part and byte_length(part) <= limit for part in parts)


@given(st.lists(st.sampled_from(["gas", "fees", "on", "Base", "fell", "again,", "today.", "Why?"]), max_size=200))
def test_words_are_kept_in_order(words: list[str]) -> None:
    parts = split_thread(" ".join(words), max_parts=100)
    assert " ".join(parts).split() == words


@pytest.mark.parametrize("char", ["a", "é", "日", "😀", FAMILY, GERMANY])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_text_around_the_exact_limit(char: str, off: int) -> None:
    text = char * (CAST_BYTES // byte_length(char)) + "." * (CAST_BYTES % byte_length(char) + off)
    text = text if off >= 0 or byte_length(text) < CAST_BYTES else text[: -len(char)]
    parts = split_thread(text)
    assert len(parts) == (2 if byte_length(text) > CAST_BYTES else 1)
    assert "".join(parts) == text


# Shortening


@pytest.mark.parametrize(
    ("text", "limit", "fitted", "shows"),
    [
        ("gm", 2, "gm", "it fits"),
        (" gm  ", 2, "gm", "it fits without the white space"),
        ("Gas is cheap. Blobs are too.", 20, "Gas is cheap. …", "at a sentence"),
        ("Gas is cheap, and blobs are cheap too", 20, "Gas is cheap…", "at a word, without the comma"),
        (
            "One. Then a very long sentence follows here",
            30,
            "One. Then a very long…",
            "a sentence that keeps too little",
        ),
        ("a" * 50, 20, "a" * 16 + "…", "one endless word"),
        (FAMILY * 4, 60, FAMILY * 2 + "…", "emoji stay whole"),
        ("日本語の文章です", 16, "日本語の…", "Japanese"),
        ("gas fees", 4, "…", "no room for words"),
        ("gas fees", 2, "", "no room at all"),
    ],
)
def test_shortening(text: str, limit: int, fitted: str, shows: str) -> None:
    assert fit(text, limit) == fitted, shows


@settings(deadline=None)
@given(texts, st.integers(0, 330))
def test_shortened_text_fits_and_is_a_beginning(text: str, limit: int) -> None:
    short = fit(text, limit)
    assert byte_length(short) <= limit
    assert text.strip().startswith(short.removesuffix("…").rstrip())
    assert short or not text.strip() or limit < 3


# Likeness


@pytest.mark.parametrize(
    ("a", "b", "least", "most", "shows"),
    [
        ("Gas is cheap today!", "gas is CHEAP today", 1.0, 1.0, "case and punctuation"),
        ("Gas is cheap https://a.b/c", "Gas is cheap", 1.0, 1.0, "an address"),
        ("Gas is cheap on Base today", "Gas is cheap on Base now", 0.7, 0.99, "a word changed"),
        ("ガス代が安いですね", "ガス代が安いですよ", 0.6, 0.99, "Japanese"),
        ("Gas is cheap today", "A poem about slow trains", 0.0, 0.1, "nothing in common"),
        ("gm", "gm", 1.0, 1.0, "short"),
        ("gm", "gn", 0.0, 0.0, "short and different"),
        ("🔥", "🔥", 1.0, 1.0, "only an emoji"),
        ("🔥", "🎉", 0.0, 0.0, "another emoji"),
        ("gm", "gm everyone, gas is cheap today and blobs are too", 0.0, 0.2, "contained is not alike"),
    ],
)
def test_likeness(a: str, b: str, least: float, most: float, shows: str) -> None:
    assert least <= similarity(a, b) <= most, shows


@given(texts, texts)
def test_likeness_is_symmetric_and_between_zero_and_one(a: str, b: str) -> None:
    assert 0.0 <= similarity(a, b) == similarity(b, a) <= 1.0
    assert similarity(a, a) == 1.0
    assert shingles(a)
