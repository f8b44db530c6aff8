"""Every random decision of the simulator, drawn from the seed."""

from __future__ import annotations

import hashlib
import random


def dice(*parts: object) -> random.Random:
    """A random source that is the same for the same parts."""
    return random.Random(":".join(map(str, parts)))  # noqa: S311 - repeatable on purpose, nothing secret


def number(*parts: object) -> int:
    """A stable 64-bit number; cheaper than `dice` where one draw is enough."""
    text = ":".join(map(str, parts)).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def share(*parts: object) -> float:
    """A stable number from 0 up to 1, to be compared with a probability."""
    return number(*parts) / 2**64


def hex_hash(length: int, *parts: object) -> str:
    """`length` bytes of stable hexadecimal digits."""
    text = ":".join(map(str, parts)).encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=length).hexdigest()
