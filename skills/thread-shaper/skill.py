"""The shape of a thread: no tiny parts, none too long, numbered, and no byte over the limit.

Farcaster counts bytes of UTF-8, not characters, and so does everything here. Text is split where a reader would
pause: between paragraphs, sentences, words, and only then within a word. Nothing of the text is ever lost.
"""

import re
import unicodedata

#: The longest thread; numbers must not make it longer.
MOST_PARTS = 10
#: Where a text may be cut, the best places first.
BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])[\"'”’)]?\s+|(?<=[。！？])"),
    re.compile(r"\s+"),
)
START_NUMBER = re.compile(r"[(\[]?(\d{1,2})\s*(?:/|of)\s*(\d{1,2}|n)[)\]]?\s*[.:)–—-]?\s+", re.IGNORECASE)
END_NUMBER = re.compile(r"\s[(\[]?(\d{1,2})/(\d{1,2}|n)[)\]]?$", re.IGNORECASE)
#: No number is longer; so much of the end of a part is looked at.
NUMBER_CHARS = 10


def run(ctx, params):
    """Return the parts of the thread in shape, or None when there is nothing to shape."""
    limit, hook = ctx.limit, params.get("hook", "").strip()
    numbering = params.get("numbering", "end")
    parts = without_numbers([part.strip() for part in ctx.draft if part.strip()])
    if not parts or (len(parts) == 1 and size(parts[0]) <= limit):
        return None
    shaped = shape(parts, limit, params.get("min_bytes", 60))
    if numbering != "none":
        numbered = shape(parts, limit - size(f" {MOST_PARTS}/{MOST_PARTS}"), params.get("min_bytes", 60))
        # Numbers are not worth a longer thread than may be published.
        if len(numbered) <= MOST_PARTS:
            shaped = numbered
        else:
            numbering = "none"
    if len(shaped) == 1:
        numbering = "none"
    shaped = with_hook(shaped, hook, limit - (size(f" {MOST_PARTS}/{MOST_PARTS}") if numbering != "none" else 0))
    shaped = [with_number(part, number, len(shaped), numbering) for number, part in enumerate(shaped, 1)]
    return None if shaped == ctx.draft else shaped


def size(text):
    """Return the length of a text in bytes."""
    return len(text.encode())


# Numbers and hook


def without_numbers(parts):
    """Return the parts without the numbers they came with; a fraction that counts no parts is part of the text."""
    if len(parts) < 2:
        return parts
    starts = [START_NUMBER.match(part) for part in parts]
    if counts(starts):
        parts = [part[match.end() :] for part, match in zip(parts, starts, strict=True)]
    ends = [END_NUMBER.search(part, max(0, len(part) - NUMBER_CHARS)) for part in parts]
    if counts(ends):
        parts = [part[: match.start()] for part, match in zip(parts, ends, strict=True)]
    return [part.strip() for part in parts if part.strip()]


def counts(matches):
    """Say whether numbers were found that count the parts from 1 on."""
    return all(match and int(match[1]) == number for number, match in enumerate(matches, 1))


def with_number(part, number, count, where):
    """Return a part with its number."""
    if where == "none":
        return part
    return f"{number}/{count} {part}" if where == "start" else f"{part} {number}/{count}"


def with_hook(parts, hook, limit):
    """Return the parts, the first of which ends with the hook when there is room."""
    first = parts[0]
    if not hook or len(parts) == 1 or first.endswith(hook) or size(f"{first} {hook}") > limit:
        return parts
    return [f"{first} {hook}", *parts[1:]]


# Parts


def shape(parts, limit, least):
    """Return the parts, tiny ones joined to the one before and long ones split."""
    joined = []
    for piece in (piece for part in parts for piece in split(part, max(limit, 1))):
        together = f"{joined[-1]}\n\n{piece}" if joined else ""
        # A first part of a few words is meant to stand alone.
        is_tiny = size(piece) < least or (len(joined) > 1 and size(joined[-1]) < least)
        if together and is_tiny and size(together) <= limit:
            joined[-1] = together
        else:
            joined.append(piece)
    return joined


def split(text, limit):
    """Return a text in pieces of about the same length that fit."""
    pieces = []
    while size(text) > limit:
        target = size(text) / -(-size(text) // limit)
        head = first_piece(text, target, limit) or beginning(text, limit)
        pieces.append(head.rstrip())
        text = text[len(head) :].lstrip()
    return [piece for piece in [*pieces, text] if piece]


def first_piece(text, target, limit):
    """Return the beginning of a text up to the best place to cut near `target` bytes, or "" when there is none."""
    window = text[: limit + 1]
    for pattern in BREAKS:
        # The white space stays behind, a quote that closes a sentence goes with it.
        heads = [window[: match.start()] + match[0].rstrip() for match in pattern.finditer(window)]
        # A piece of a few words is no piece; then a finer cut is better.
        heads = [head for head in heads if target / 3 <= size(head) <= limit]
        if heads:
            return min(heads, key=lambda head: abs(size(head) - target))
    return ""


def beginning(text, limit):
    """Return as much of the beginning of a text as fits and does not end within a character as readers see them."""
    end = 0
    used = 0
    while end < len(text) and used + size(text[end]) <= limit:
        used += size(text[end])
        end += 1
    cut = end
    while 0 < cut < len(text) and is_joined(text[cut - 1], text[cut]):
        cut -= 1
    return text[: cut or end or 1]


def is_joined(before, after):
    """Say whether two characters belong together: a letter with its accent, an emoji with what modifies it, a flag."""
    flag = "\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff"
    modifier = "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f"
    return flag or modifier or "\u200d" in (before, after) or unicodedata.category(after).startswith("M")
