"""Canonical JSON (RFC 8785), of which every implementation computes the same hash; pure.

canonical({"b": 1, "a": 2.0})                   b'{"a":2,"b":1}'
differences({"likes": 14}, {"likes": 15})       [Difference("likes", anchored=14, now=15)]
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import rfc8785

from ceos.errors import InvalidInput

#: The deepest nesting of data; our documents have four levels.
MAX_DEPTH = 32
#: The brackets of a JSON text, and its strings, whose brackets do not count.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class Missing:
    """The place of a value that only one of two documents has."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


@dataclass(frozen=True)
class Difference:
    """A value that differs between two documents."""

    #: Such as "inputs.posts[2].likes".
    path: str
    anchored: Any
    now: Any

    def line(self, anchored: str = "anchored", now: str = "stored now") -> str:
        """Return a line of text, such as "inputs.posts[2].likes: anchored 14, stored now 15"."""
        return f"{self.path or 'the document'}: {anchored} {_shown(self.anchored)}, {now} {_shown(self.now)}"

    @property
    def document(self) -> dict[str, Any]:
        """The difference as JSON; a missing value is left out."""
        values = {"anchored": self.anchored, "now": self.now}
        return {"path": self.path, **{name: value for name, value in values.items() if value is not MISSING}}


def canonical(data: Any) -> bytes:
    """Return data as canonical JSON; raises `InvalidInput` for data without one, such as a number over 2^53."""
    if _depth(data) > MAX_DEPTH:
        raise InvalidInput(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    try:
        return rfc8785.dumps(data)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise InvalidInput(f"The data has no canonical JSON: {error}.") from None


def digest_of(text: bytes) -> str:
    """Return the SHA-256 of canonical JSON, as 0x and 64 hex digits."""
    return f"0x{hashlib.sha256(text).hexdigest()}"


def read(text: str | bytes) -> Any:
    """Return the data of a JSON text; raises `InvalidInput` for a text that two parsers could read differently."""
    try:
        text = text if isinstance(text, str) else text.decode()
        # Before parsing: where a library has raised the recursion limit, a text nested too deeply ends the process.
        if _nesting(text) > MAX_DEPTH:
            raise InvalidInput(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The text is not JSON: {error}.") from None
    # Data without a canonical form is refused before it is used.
    canonical(data)
    return data


def differences(anchored: Any, now: Any) -> list[Difference]:
    """Return every innermost value that differs, in the order of the first document."""
    return list(_differences("", anchored, now))


def _differences(path: str, anchored: Any, now: Any) -> Iterator[Difference]:
    if isinstance(anchored, dict) and isinstance(now, dict):
        for name in [*anchored, *(name for name in now if name not in anchored)]:
            here = f"{path}.{name}" if path else str(name)
            yield from _differences(here, anchored.get(name, MISSING), now.get(name, MISSING))
    elif isinstance(anchored, list) and isinstance(now, list):
        for index in range(max(len(anchored), len(now))):
            pair = [part[index] if index < len(part) else MISSING for part in (anchored, now)]
            yield from _differences(f"{path}[{index}]", *pair)
    elif not _same(anchored, now):
        yield Difference(path, anchored, now)


def _same(one: Any, other: Any) -> bool:
    # In Python True equals 1; in JSON 1 and 1.0 are the same number, and true is not a number.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    return type(one) is type(other) and bool(one == other)


def _depth(data: Any) -> int:
    deepest, found = 0, [(data, 0)]
    while found and deepest <= MAX_DEPTH:
        one, depth = found.pop()
        deepest = max(deepest, depth)
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list | tuple) else ()
        found += [(part, depth + 1) for part in inside]
    return deepest


def _nesting(text: str) -> int:
    deepest = depth = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[{" else -1 if bracket in "]}" else 0
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput(f"The name {name[:80]!r} occurs twice in one object.")
        found[name] = value
    return found


def _constant(name: str) -> Any:
    raise InvalidInput(f"{name} is not a number in JSON.")


def _shown(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"
