"""Text as Farcaster counts it: bytes, not characters; and threads split where a reader would pause."""

from __future__ import annotations

#: Farcaster counts UTF-8 bytes, not characters; an emoji can cost four or more.
CAST_BYTES = 320
#: The longest long cast.
LONG_CAST_BYTES = 1024


def byte_length(text: str) -> int:
    """Return the length of `text` in UTF-8 bytes, the unit of Farcaster's limits."""
    return len(text.encode("utf-8", "surrogatepass"))
