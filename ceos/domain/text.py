"""Text in the units of Farcaster, which are bytes, and threads that are split at natural pauses.

A grapheme is never cut: a letter with its accents, a family emoji or a flag stays whole, unless it alone is longer than
the limit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

#: Farcaster counts UTF-8 bytes, not characters; an emoji can have four or more.
CAST_BYTES = 320
#: The longest long cast.
LONG_CAST_BYTES = 1024
#: The longest thread.
MAX_PARTS = 10
#: The line that models put between the parts of a thread.
SPLIT_MARKER = "---SPLIT---"
#: The marker and its common misspellings, with the white space around it.
MARKER = re.compile(r"(?:(?<!\s)\s+)?(?<![-–—])[-–—]{2,}[ \t]*split[ \t]*[-–—]{2,}\s*", re.IGNORECASE)

#: Scripts that are written without spaces between words.
SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u31f0-\u9fff\uf900-\ufaff"
SPACELESS += "\uff00-\uff9f\U00020000-\U0003ffff"

ELLIPSIS = "…"

_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_NEWLINES = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Tag characters spell the flags of England, Scotland and Wales; anywhere else they hide text.
_INVISIBLE = re.compile(
    "(\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f)"
    "|[\u00ad\u034f\u061c\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc\ufffe\uffff\U000e0000-\U000e007f]"
)
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_REPEATED_SELECTORS = re.compile(f"([\u200c\u200d{_SELECTORS}])[{_SELECTORS}]+")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "„": "“", "«": "»", "»": "«", "「": "」", "『": "』", "`": "`"}


def byte_length(text: str) -> int:
    """Return the length of `text` in UTF-8 bytes, the unit of Farcaster's limits."""
    return len(text.encode("utf-8", "surrogatepass"))


# Cleaning


def visible(text: str, keep: str = "\n\t") -> str:
    """Return an untrusted text for a terminal: control and direction characters are shown, not executed.

    >>> visible("\x1b[2J ok")
    '\\\\x1b[2J ok'
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode() for sign in text
    )


def clean(text: str) -> str:
    """Return `text` fit for publication: composed, without control and hidden characters or quotes around the whole.

    Joiners and variation selectors stay, because emoji and several scripts need them.
    """
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    text = _NEWLINES.sub("\n", text).replace("\t", " ")
    text = _CONTROLS.sub("", text)
    text = _INVISIBLE.sub(lambda match: match[1] or "", text)
    text = _REPEATED_SELECTORS.sub(r"\1", text)
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"[^\S\n]+\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    while (inner := _unquoted(text)) is not None:
        text = inner
    return text


def _unquoted(text: str) -> str | None:
    """Return the text inside quotes around the whole text, or None when there are none."""
    if len(text) < 2 or _QUOTES.get(text[0]) != text[-1]:
        return None
    inner = text[1:-1]
    # An apostrophe within a word is not a quote.
    rest = re.sub(r"(?<=\w)['’](?=\w)", "", inner)
    return None if text[0] in rest or text[-1] in rest else inner.strip()


# Graphemes

_ZWJ = "\u200d"
_VIRAMA = 9
_THAI_LAO_AM = "\u0e33\u0eb3"


def graphemes(text: str) -> Iterator[str]:
    """Yield the graphemes of a text, an approximation of Unicode's extended grapheme clusters."""
    start = flags = 0
    for index, char in enumerate(text):
        flag = "\U0001f1e6" <= char <= "\U0001f1ff"
        if index and not _continues(text[index - 1], char) and not (flag and flags % 2):
            yield text[start:index]
            start, flags = index, 0
        flags = flags + 1 if flag else 0
    if text:
        yield text[start:]


def _continues(previous: str, char: str) -> bool:
    """Say whether `char` belongs to the grapheme that `previous` is in."""
    if char < "\u0300":
        return False
    category = unicodedata.category(char)
    if category[0] == "M" or char in _THAI_LAO_AM or char in "\u200c\u200d\uff9e\uff9f":
        return True
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":
        return True
    if previous == _ZWJ or (category == "Lo" and unicodedata.combining(previous) == _VIRAMA):
        return True
    # Vowels and finals of uncomposed Hangul follow their consonant.
    return "\u1160" <= char <= "\u11ff" and ("\u1100" <= previous <= "\u11ff" or "\uac00" <= previous <= "\ud7a3")


# Possible cuts

_TOKEN = re.compile(r"\S+")
#: Addresses and names, which are never cut.
_WHOLE = re.compile(rf"https?://[^\s{SPACELESS}]+|[@$#/]?[^\s{SPACELESS}]+")
_OPENING = "([{«「『【〈《（［｛“‘"
_CLOSING = ".,;:!?)]}»、。，．・：；？！」』】〉》）］｝”’…‥ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々"
_SPACELESS_STOP = re.compile(r"[。！？．｡‥…]+[」』）】》”’]*")
_STOP = re.compile(r"""(?:[.!?…؟۔।。！？])["'”’»)\]」』）]*$""")
_ABBREVIATION = re.compile(
    r"(?:^|[(\"“'])(?:\w|(?:\w\.)+\w|e\.g|i\.e|vs|mr|mrs|ms|dr|prof|st|nr|approx|ca|bzw|z\.b|inc|ltd|jr|sr)\.$",
    re.IGNORECASE,
)


class Pause(IntEnum):
    """The price of a cut at a place, by how much it disturbs reading; `_arrange` adds the prices up."""

    PARAGRAPH = 0
    LINE = 1
    SENTENCE = 2
    WORD = 16
    GRAPHEME = 80
    CODE_POINT = 400


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place where text may be cut: the part before ends at `end`, the part after starts at `start`."""

    end: int
    start: int
    pause: Pause


def _cuts(text: str, limit: int) -> list[_Cut]:
    """Return the places where `text` may be cut, in order and at most `limit` bytes apart; the last is its end."""
    cuts: list[_Cut] = []
    tokens = list(_TOKEN.finditer(text))
    ended = False
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        cuts.extend(_cuts_within(token[0], token.start(), limit))
        if following is None:
            cuts.append(_Cut(token.end(), len(text), Pause.PARAGRAPH))
            break
        # An emoji after a sentence belongs to it.
        has_words = any(char.isalnum() for char in token[0])
        ended = _ends_sentence(token[0], following[0]) if has_words or _STOP.search(token[0]) else ended
        newlines = text.count("\n", token.end(), following.start())
        pause = Pause.WORD
        if newlines:
            pause = Pause.LINE if newlines == 1 else Pause.PARAGRAPH
        elif ended and any(char.isalnum() for char in following[0]):
            pause = Pause.SENTENCE
        cuts.append(_Cut(token.end(), following.start(), pause))
    return cuts


def _ends_sentence(token: str, following: str) -> bool:
    return bool(_STOP.search(token)) and not following[0].islower() and not _ABBREVIATION.search(token)


def _cuts_within(token: str, offset: int, limit: int) -> Iterator[_Cut]:
    """Yield the possible cuts in a run without white space: between characters of scripts without spaces."""
    position = 0
    for unit in _units(token):
        if position:
            pause = Pause.SENTENCE if _ends_spaceless_sentence(token, position) else Pause.WORD
            yield _Cut(offset + position, offset + position, pause)
        if byte_length(unit) > limit:
            yield from _cuts_by_force(unit, offset + position, limit)
        position += len(unit)


def _units(token: str) -> Iterator[str]:
    """Yield the pieces of a token that stay whole; punctuation stays with its character."""
    unit = ""
    position = 0
    while position < len(token):
        whole = _WHOLE.match(token, position)
        piece = whole[0] if whole else next(graphemes(token[position : position + 64]))
        if unit and piece[0] not in _CLOSING and unit[-1] not in _OPENING and not _continues(unit[-1], piece[0]):
            yield unit
            unit = ""
        unit += piece
        position += len(piece)
    yield unit


def _ends_spaceless_sentence(token: str, position: int) -> bool:
    return any(match.end() == position for match in _SPACELESS_STOP.finditer(token, max(0, position - 8), position))


def _cuts_by_force(unit: str, offset: int, limit: int) -> Iterator[_Cut]:
    """Yield every possible cut of a unit that is longer than the limit."""
    position = 0
    for grapheme in graphemes(unit):
        if position:
            yield _Cut(offset + position, offset + position, Pause.GRAPHEME)
        if byte_length(grapheme) > limit:
            for index in range(1, len(grapheme)):
                yield _Cut(offset + position + index, offset + position + index, Pause.CODE_POINT)
        position += len(grapheme)


# Threads


#: An address, up to a character of a script without spaces that follows it.
_ADDRESS = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)


def split_thread(text: str, *, limit: int = CAST_BYTES, max_parts: int = MAX_PARTS) -> tuple[str, ...]:
    """Return the parts of a thread, each at most `limit` bytes, cut at the markers and where a part is too long.

    A long part is cut between paragraphs if possible, else between sentences, words, characters, into pieces of similar
    length. Parts that a marker separates are never merged. Raises `ValueError` for a text that does not fit, and for an
    address that is longer than a part.

        >>> split_thread("One.---SPLIT---Two.")
        ('One.', 'Two.')
    """
    if limit < 4:
        raise ValueError(f"A part needs room for one character, which takes up to 4 bytes; the limit is {limit}.")
    sections = [section.strip() for section in MARKER.split(text) if section.strip()]
    for address in _ADDRESS.findall(text):
        if (length := byte_length(address)) > limit:
            raise ValueError(
                f"The address {address[:60]}… of {length:,} bytes does not fit into a cast of {limit:,} bytes, and a "
                "part of it leads nowhere; use a shorter one."
            )
    size = sum(byte_length(section) for section in sections)
    # White space at a cut is free; without it, a text longer than all parts together cannot fit.
    hopeless = sum(byte_length("".join(section.split())) for section in sections) > limit * max_parts
    for price in () if hopeless else (_PART_PRICE, _HIGH_PART_PRICE):
        parts = tuple(part for section in sections for part in _pieces(section, limit, price))
        if len(parts) <= max_parts:
            return parts
    many = f"{max_parts} parts" if max_parts > 1 else "one part"
    raise ValueError(
        f"The text of {size:,} bytes does not fit into {many} of {limit:,} bytes each; "
        f"shorten it to well under {limit * max_parts:,} bytes, or use fewer split markers."
    )


#: The price of one more part, in the unit of `Pause`: lower than that of a cut within a sentence.
_PART_PRICE = 4.0
#: The price when the thread would otherwise become too long: as few parts as possible.
_HIGH_PART_PRICE = 1_000_000.0
#: The price of unused room; squared, so that pieces have similar lengths.
_SLACK_PRICE = 4.0
#: The price of a part of one or two words: higher than that of a cut within a sentence.
_ORPHAN_PRICE = 30.0


def _pieces(text: str, limit: int, price: float) -> list[str]:
    if byte_length(text) <= limit:
        return [text]
    cuts = _cuts(text, limit)
    pieces = []
    start = 0
    for cut in _arrange(text, cuts, limit, price):
        pieces.append(text[start : cut.end])
        start = cut.start
    return pieces


def _arrange(text: str, cuts: Sequence[_Cut], limit: int, price: float) -> list[_Cut]:
    """Return the cheapest selection of cuts; parts, pauses and unused room have prices."""
    ends, starts = _byte_offsets(text, cuts)
    best = [0.0]
    chosen = [0]
    for here, cut in enumerate(cuts):
        cheapest, origin = float("inf"), here
        before = here
        while before >= 0 and (room := limit - ends[here] + starts[before]) >= 0:
            orphan = _ORPHAN_PRICE if (limit - room) * 16 < limit else 0.0
            cost = best[before] + orphan + _SLACK_PRICE * (room / limit) ** 2
            if cost < cheapest:
                cheapest, origin = cost, before
            before -= 1
        best.append(cheapest + cut.pause + price)
        chosen.append(origin)
    path = []
    here = len(cuts)
    while here:
        path.append(cuts[here - 1])
        here = chosen[here]
    return path[::-1]


def _byte_offsets(text: str, cuts: Sequence[_Cut]) -> tuple[list[int], list[int]]:
    """Return the byte offsets at which cuts end parts, and at which parts start, that of the text first."""
    ends, starts = [], [0]
    for cut, previous in zip(cuts, [0, *(cut.start for cut in cuts)], strict=False):
        ends.append(starts[-1] + byte_length(text[previous : cut.end]))
        starts.append(ends[-1] + byte_length(text[cut.end : cut.start]))
    return ends, starts


def fit(text: str, limit: int) -> str:
    """Shorten `text` to `limit` bytes, at the end of a sentence if that keeps most of it, and mark the cut with "…"."""
    text = text.strip()
    if byte_length(text) <= limit:
        return text
    room = limit - byte_length(ELLIPSIS) - 1
    if room < 4:
        return ELLIPSIS if limit >= byte_length(ELLIPSIS) else ""
    cuts = [cut for cut in _cuts(text[: limit + 1], room) if byte_length(text[: cut.end]) <= room]
    sentences = [cut for cut in cuts if cut.pause <= Pause.SENTENCE and byte_length(text[: cut.end]) >= room * 0.6]
    words = [cut for cut in cuts if cut.pause <= Pause.WORD]
    if sentences:
        return f"{text[: sentences[-1].end]} {ELLIPSIS}"
    kept = text[: (words or cuts)[-1].end]
    return (kept.rstrip(" ,;:–—-.…") or kept) + ELLIPSIS


# Similarity

_NOISE = re.compile(r"https?://\S+|[\W_]+")
_SHINGLE = 4


def shingles(text: str) -> frozenset[str]:
    """Return the runs of four characters in `text`, regardless of case, punctuation, addresses and white space."""
    plain = _NOISE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    if not plain:
        return frozenset({text.strip()})
    return frozenset(plain[index : index + _SHINGLE] for index in range(max(1, len(plain) - _SHINGLE + 1)))


def similarity(a: str, b: str) -> float:
    """Return the similarity of two texts, from 0.0 to 1.0; reworded beginnings and endings change it little.

    >>> similarity("Gas is cheap today!", "gas is cheap today")
    1.0
    """
    ours, theirs = shingles(a), shingles(b)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))
