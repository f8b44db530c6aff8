"""Finds text that hides its words: encoded, spelled out, invisible, or in letters that only look like ordinary ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from ceos.guardrails.deobfuscate import INVISIBLE, decode_hidden, normalize
from ceos.guardrails.tlds import top_level_domains

#: Letters that may be styled, and invisible characters that a text may have: emoji and some scripts need a few.
MAX_STYLED, MAX_INVISIBLE = 4, 24

_ESCAPED = re.compile(r"(?:\\x[0-9a-f]{2}){2,}|(?:\\u\{?[0-9a-f]{4,5}\}?\s?){2,}|(?:%[0-9a-f]{2}){3,}", re.IGNORECASE)
_BINARY = re.compile(r"(?:\b[01]{7,8}\b[\s,]*){3,}")
_KEY = re.compile(
    r"\b(?:sk|pk|rk)[-_](?:[a-z0-9]{1,8}[-_])*[A-Za-z0-9]{12,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bxox[a-z]-[A-Za-z0-9-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{12,}|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\bAKIA[A-Z0-9]{12,}"
)
_BLOB = re.compile(r"[A-Za-z0-9+/]{22,}={1,2}(?!\w)|[A-Za-z0-9+/_-]{20,}")
_SPELLED = re.compile(r"(?<!\w)(?:[^\W\d_][\s.\-_*|]{1,3}){6,}[^\W\d_](?!\w)")
#: Notes of a scale, and the like: single capital letters from A to H.
_SCALE = re.compile(r"(?:[A-H][\s.\-_*|]{1,3})*[A-H]")
_BETWEEN_LETTERS = re.compile("(?<=\\w)[\u00ad\u200b\u2060\ufeff]+(?=\\w)")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f|[\U0001f1e6-\U0001f1ff]{2}")
_COMBINING = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]")
#: Small capitals, and the letters of upside-down text.
_SMALL_CAPITALS = re.compile(
    "[\u01dd\u0287\u0183\u1d09\u029e\u028d\u028e\u0265\u1d00-\u1d2b\ua730-\ua731\u0299\u0262\u026a\u029f\u0274\u0280\u028f]"
)
_MIXED = re.compile(r"[^\W\d_]*(?:[A-Za-z][\u0400-\u052f]|[\u0400-\u052f][A-Za-z])[^\W\d_]*")
_GREEK = re.compile(r"[^\W\d_]*(?:[A-Za-z][\u0370-\u03ff]|[\u0370-\u03ff][A-Za-z])[^\W\d_]*")
#: A Latin abbreviation with a Russian ending, such as "SMSка".
_ENDED = re.compile(r"[A-Z][A-Za-z]*[A-Z][\u0430-\u044f]{1,6}")


def encoded_rules(text: str) -> Iterator[str]:
    """Yield the rules that the form of a text breaks."""
    seen = normalize(text)
    if (
        any(pattern.search(seen) for pattern in (_ESCAPED, _BINARY, _KEY))
        or any(_is_wordy(inner) for inner in decode_hidden(text))
        or any(_is_random(match[0]) for match in _BLOB.finditer(seen))
        or any(not _SCALE.fullmatch(match[0]) for match in _SPELLED.finditer(seen))
    ):
        yield "encoded"
    if text.isascii():
        return
    plain = _FLAG.sub(lambda match: "" if _is_flag(match[0]) else match[0], text)
    hidden = INVISIBLE.findall(plain)
    stacked = len(_COMBINING.findall(unicodedata.normalize("NFD", plain)))
    if (
        len(hidden) > max(MAX_INVISIBLE, len(plain) // 6)
        or len(_BETWEEN_LETTERS.findall(plain)) > MAX_STYLED
        or _TAGS.search(plain)
        or _DIRECTION.search(plain)
        or stacked > max(8, len(plain) // 3)
    ):
        yield "invisible"
    if _styled(plain) > MAX_STYLED or len(_SMALL_CAPITALS.findall(plain)) > MAX_STYLED or _mixes_alphabets(plain):
        yield "disguised"


def _is_flag(text: str) -> bool:
    """Say whether two regional indicators are the flag of a country, all of which have a domain."""
    return len(text) > 2 or "".join(chr(ord(char) - 0x1F1E6 + ord("a")) for char in text) in top_level_domains()


def _is_wordy(text: str) -> bool:
    """Say whether a decoded text has words: letters in lower case or spaces, unlike decoded random numbers."""
    return sum(char.islower() or char == " " for char in text) >= 0.6 * len(text)


def _is_random(text: str) -> bool:
    """Say whether a run of letters and digits is no word, path or number, but changes its kind at every turn."""
    kinds = [2 if char.isdigit() else 1 if char.isupper() else 0 for char in text if char.isalnum()]
    turns = sum(one != other for one, other in pairwise(kinds))
    return len(set(kinds)) == 3 and 2 in kinds and turns >= len(kinds) // 3


def _styled(text: str) -> int:
    """Count the letters that only compatibility decomposition turns into Latin ones, as in 𝓼𝓮𝓷𝓭."""
    plain = map(normalize, text)
    return sum(
        after.isascii() and after.isalpha() and before != after for before, after in zip(text, plain, strict=True)
    )


def _mixes_alphabets(text: str) -> bool:
    """Say whether a word mixes Latin letters with look-alikes; units such as μm and kΩ do it too, but are short."""
    seen = normalize(text)
    return any(not _ENDED.fullmatch(match[0]) for match in _MIXED.finditer(seen)) or any(
        len(match[0]) > 4 for match in _GREEK.finditer(seen)
    )
