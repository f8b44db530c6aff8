"""Decodes hidden, disguised and encoded words, so that guardrails can search for them.

>>> "ignore" in deobfuscate("1gn0r3")
True
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

#: Characters of a text that are read; a cast has at most 10,000 bytes.
MAX_CHARS = 12_000
#: Levels of encoding inside encoding that are decoded.
MAX_DEPTH = 3

#: Invisible format characters, and the variation selectors and fillers that can hide bytes.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffc\U000e0100-\U000e01ef]"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_COMBINING = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]")

# Letters of other alphabets that look like Latin ones, and Latin ones that are drawn differently.
_ALIKE = str.maketrans(
    "аеорсухіјѕԁɡһӏԛԝвкмнтгпЅІЈАВЕКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧαοινρτυχκєҽѵɑɩƖ⍺ߋօցհոսᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢꜱꜰıⅼ∣ǀ",
    "aeopcyxijsdghlqwbkmhtrnSIJABEKMHOPCTYXABEZHIKMNOPTYXaoivptuxkeevailaooghnuabcdeghijklmnoprtuvwyzsfilll",
)
_LEET = str.maketrans("013456789@$!|€£+", "oieasgtbgasilelt")
_MORSE_CODES = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
_MORSE = {
    code: letter
    for letter, code in zip(
        "abcdefghijklmnopqrstuvwxyz0123456789",
        _MORSE_CODES.split(),
        strict=True,
    )
}
_MORSE_RUN = re.compile(r"(?:[.\-·•–—−_]{1,6}(?:\s+|\s*/\s*)){3,}[.\-·•–—−_]{1,6}")
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_BASE32_RUN = re.compile(r"\b[A-Z2-7]{16,}={0,6}")
_HEX_RUN = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s,:]*){6,}")
_BINARY_RUN = re.compile(r"(?:[01]{7,8}[\s,]*){3,}")
_DECIMAL_RUN = re.compile(r"(?:\b\d{2,3}\b[\s,]*){6,}")
_SPACED = re.compile(r"(?<!\w)(?:\w[\s._\-*|/]){3,}\w(?!\w)")


def normalize(text: str) -> str:
    """Return a text as its reader sees it: one form for each letter, nothing invisible, emoji letters as letters."""
    if text.isascii():
        return text[:MAX_CHARS]
    text = _TAGS.sub(lambda match: "".join(chr(ord(char) - 0xE0000) for char in match[0]), text[:MAX_CHARS])
    text = "".join(map(_emoji_letter, text))
    text = INVISIBLE.sub("", unicodedata.normalize("NFKC", INVISIBLE.sub("", text)))
    return unicodedata.normalize("NFC", _COMBINING.sub("", text) if _is_stacked(text) else text)


def to_ascii(text: str) -> str:
    """Return a text with look-alikes of Latin letters replaced by these letters, and without accents."""
    if text.isascii():
        return text[:MAX_CHARS]
    return _COMBINING.sub("", unicodedata.normalize("NFKD", normalize(text).translate(_ALIKE)))


def strip_separators(text: str) -> str:
    """Return only the letters and digits of a text, in lower case."""
    return "".join(char for char in text.casefold() if char.isalnum())


@lru_cache(maxsize=2_048)
def deobfuscate(text: str) -> tuple[str, ...]:
    """Return every reading of a text in lower case, without duplicates; the ordinary one comes first."""
    return tuple(dict.fromkeys(_readings(text, MAX_DEPTH)))


@lru_cache(maxsize=2_048)
def decode_hidden(text: str) -> tuple[str, ...]:
    """Return the encoded texts inside a text, as far as they are readable when decoded."""
    return tuple(dict.fromkeys(_decoded(normalize(text))))


def _readings(text: str, depth: int) -> Iterator[str]:
    seen = normalize(text)
    yield seen.casefold()
    yield to_ascii(seen).casefold()
    yield to_ascii(seen).casefold().translate(_LEET)
    yield seen.casefold()[::-1]
    yield " ".join(word[::-1] for word in seen.casefold().split())
    yield codecs.decode(to_ascii(seen).casefold(), "rot13")
    yield _atbash(to_ascii(seen).casefold())
    # Letters with gaps between them: two gaps stand for a space.
    if _SPACED.search(seen):
        yield _SPACED.sub(lambda match: re.sub(r"[\s._\-*|/]", "", match[0]), re.sub(r"\s{2,}", "  ", seen)).casefold()
    yield from _initials(seen)
    if depth:
        for inner in (*_decoded(seen), *_unescaped(seen)):
            yield from _readings(inner, depth - 1)


def _emoji_letter(char: str) -> str:
    if "\U0001f1e6" <= char <= "\U0001f1ff":
        return chr(ord(char) - 0x1F1E6 + ord("a"))
    for first in (0x1F130, 0x1F150, 0x1F170):
        if first <= ord(char) < first + 26:
            return chr(ord(char) - first + ord("a"))
    return char


def _is_stacked(text: str) -> bool:
    """Say whether marks are heaped on letters, as in text that is made to look haunted."""
    return len(_COMBINING.findall(unicodedata.normalize("NFD", text))) > max(8, len(text) // 3)


def _atbash(text: str) -> str:
    return "".join(chr(219 - ord(char)) if "a" <= char <= "z" else char for char in text)


def _initials(text: str) -> Iterator[str]:
    """Yield the first letters of lines, of sentences and of words, and the last ones of words."""
    for pieces, least in ((text.splitlines(), 5), (re.split(r"[.!?。！？]\s*", text), 5), (text.split(), 8)):
        firsts = [letters[0] for piece in pieces if (letters := strip_separators(piece))]
        if len(firsts) >= least:
            yield "".join(firsts)
    lasts = [letters[-1] for piece in text.split() if (letters := strip_separators(piece))]
    if len(lasts) >= 8:
        yield "".join(lasts)


def _decoded(text: str) -> Iterator[str]:
    for match in _BASE64_RUN.finditer(text):
        yield from _as_text(_unbase64(match[0]))
    for match in _BASE32_RUN.finditer(text):
        yield from _as_text(_bytes(base64.b32decode, match[0].rstrip("=") + "=" * (-len(match[0].rstrip("=")) % 8)))
    for match in _HEX_RUN.finditer(text):
        yield from _as_text(_bytes(bytes.fromhex, re.sub(r"0x|\\x|[\s,:]", "", match[0])))
    for match in _BINARY_RUN.finditer(text):
        yield from _as_text(bytes(int(octet, 2) for octet in re.findall("[01]{7,8}", match[0])))
    for match in _DECIMAL_RUN.finditer(text):
        yield from _as_text(bytes(min(int(number), 255) for number in re.findall(r"\d+", match[0])))
    for match in _MORSE_RUN.finditer(text):
        yield from filter(None, [_unmorse(match[0])])


def _as_text(data: bytes | None) -> Iterator[str]:
    """Yield bytes as text if they are any: what random letters decode to is not."""
    if not data or len(data) < 5:
        return
    try:
        found = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    said = sum(char.isalnum() or char in " .,!?:/'\"-_@#$\n" for char in found)
    if said >= 0.9 * len(found) and sum(map(str.isalpha, found)) >= 0.5 * len(found):
        yield found


def _unbase64(word: str) -> bytes | None:
    word = word.rstrip("=").replace("-", "+").replace("_", "/")
    # A long word of one case is a word.
    if word.isalpha() and (word.islower() or word.istitle() or word.isupper()):
        return None
    return _bytes(base64.b64decode, word[: len(word) - (len(word) % 4 == 1)] + "=" * (-len(word) % 4 % 3))


def _bytes(decode: object, value: str) -> bytes | None:
    try:
        found = decode(value)  # type: ignore[operator]
    except (ValueError, binascii.Error):
        return None
    return found if isinstance(found, bytes) else None


def _unmorse(text: str) -> str:
    dots = re.sub("[·•]", ".", re.sub("[–—−_]", "-", text))
    words = [[_MORSE.get(code, "") for code in word.split()] for word in re.split(r"\s*/\s*|\s{2,}", dots)]
    joined = " ".join("".join(word) for word in words)
    return joined if sum(map(str.isalpha, joined)) >= 3 else ""


def _unescaped(text: str) -> Iterator[str]:
    """Yield the text without the escapes of addresses, pages and programs, where it has any."""
    signs = re.sub(r"\\u\{?([0-9a-fA-F]{4,6})\}?", lambda match: chr(min(int(match[1], 16), 0x10FFFF)), text)
    yield from (other for other in (unquote(text), html.unescape(text), signs) if other != text)
