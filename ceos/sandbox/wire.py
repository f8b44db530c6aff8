"""Frames and plain data between the trusted side and a child.

A frame is four bytes of length, big-endian, and JSON. The first frame to a child is the job and is followed by a frame
of bytes, the source or the compiled code. Frames of a child are checked here before any other use: the length before
memory is allocated, types and depth after parsing. Pickle is never used.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Collection
from typing import Any

#: The methods of `ctx` by their grants.
METHODS: dict[str, tuple[str, ...]] = {
    "http": ("http_get", "http_feed", "http_page"),
    "llm": ("llm_generate",),
    "memory": ("memory_get", "memory_set"),
    "metrics": ("metrics",),
    "chain": ("chain_read",),
    "log": ("log",),
    "now": ("now",),
}

#: The longest source, parameters and result, in bytes of UTF-8 or JSON.
SOURCE_BYTES = 64 * 1024
PARAMS_BYTES = 256 * 1024
RESULT_BYTES = 1024 * 1024
#: The longest feed or page that a child reads.
DOCUMENT_BYTES = 5 * 1024 * 1024
#: The characters that are kept of a skill's prints and logs.
OUTPUT_CHARS = 16 * 1024
#: The most calls of the host in one run.
HOST_CALLS = 100
#: The deepest nesting of parameters and results.
DEPTH = 40

#: The longest frame: a result, its output and their JSON.
FRAME_BYTES = RESULT_BYTES + 8 * OUTPUT_CHARS + 4096

_LENGTH = struct.Struct(">I")
_MAX_INT = 2**63 - 1


class BadFrame(Exception):
    """The other side sent a frame that is not plain data."""


def pack(body: bytes) -> bytes:
    """Return a frame of bytes."""
    return _LENGTH.pack(len(body)) + body


def pack_json(value: Any) -> bytes:
    """Return a frame of JSON; raises `ValueError` for values that JSON does not have, such as NaN."""
    return pack(json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii"))


def read_frame(read: Callable[[int], bytes], most: int = FRAME_BYTES) -> bytes:
    """Return the body of the next frame; `read(n)` returns exactly n bytes or raises `EOFError`.

    Raises `BadFrame` for a longer one before reading its body.
    """
    (length,) = _LENGTH.unpack(read(_LENGTH.size))
    if length > most:
        raise BadFrame(f"a frame of {length:,} bytes")
    return read(length)


def parse(body: bytes) -> dict[str, Any]:
    """Return the object in a frame of JSON from an untrusted side; raises `BadFrame`."""
    try:
        value = json.loads(body, parse_constant=_no_constant)
        # The frame itself is one level around its values.
        check_plain(value, -1)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"unreadable: {type(error).__name__}") from None
    if type(value) is not dict:
        raise BadFrame("not an object")
    return value


def check_plain(value: Any, depth: int = 0) -> None:
    """Raise `ValueError` unless a value is plain JSON data: whole numbers of 64 bits, finite, nested within `DEPTH`."""
    kind = type(value)
    if kind is dict or kind is list:
        if depth >= DEPTH:
            raise ValueError(f"data nested more than {DEPTH} deep")
        for item in value.values() if kind is dict else value:
            check_plain(item, depth + 1)
        for key in value if kind is dict else ():
            _check_key(key)
    elif kind is str:
        _check_text(value)
    elif kind is int:
        if not -_MAX_INT - 1 <= value <= _MAX_INT:
            raise ValueError("a whole number of more than 64 bits")
    elif kind is float:
        if not math.isfinite(value):
            raise ValueError("a number that JSON does not have")
    elif value is not None and kind is not bool:
        raise ValueError(f"a value of type {kind.__name__}, which JSON does not have")


def methods(grants: Collection[str]) -> frozenset[str]:
    """Return the methods of `ctx` that these grants allow."""
    return frozenset(method for grant in grants for method in METHODS[grant])


def _check_key(key: Any) -> None:
    if type(key) is not str:
        raise ValueError(f"a key of type {type(key).__name__}; keys are strings")
    _check_text(key)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a text with half of a surrogate pair") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
