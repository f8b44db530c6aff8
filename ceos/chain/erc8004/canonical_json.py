"""One way to write JSON down (RFC 8785), so that everybody gets the same hash of the same data; pure.

digest({"b": 1, "a": 2.0})                      "0x…" of the SHA-256 of {"a":2,"b":1}
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

#: How deep data may be nested; what we write is four deep.
DEPTH = 32
#: The brackets of a JSON text; the texts in it are found too, so that their brackets do not count.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class Missing:
    """Stands where one of two documents has a value and the other has none."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


@dataclass(frozen=True)
class Difference:
    """One value that is not the same in two documents."""

    #: Such as "inputs.posts[2].likes".
    path: str
    anchored: Any
    now: Any

    def words(self, anchored: str = "anchored", now: str = "stored now") -> str:
        """Return it as a line for people, such as "inputs.posts[2].likes: anchored 14, stored now 15"."""
        return f"{self.path or 'all of it'}: {anchored} {_shown(self.anchored)}, {now} {_shown(self.now)}"

    @property
    def document(self) -> dict[str, Any]:
        """The same as JSON; a value that is not there is left out."""
        values = {"anchored": self.anchored, "now": self.now}
        return {"path": self.path, **{name: value for name, value in values.items() if value is not MISSING}}


def canonical(data: Any) -> bytes:
    """Return data as canonical JSON; raises `InvalidInput` for what has none, such as a number over 2^53."""
    if _depth(data) > DEPTH:
        raise InvalidInput(f"It is nested deeper than {DEPTH} levels.")
    try:
        return rfc8785.dumps(data)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise InvalidInput(f"It cannot be written as canonical JSON: {error}.") from None


def digest(data: Any) -> str:
    """Return the SHA-256 of the canonical JSON of data, as 0x and 64 hex digits."""
    return digest_of(canonical(data))


def digest_of(text: bytes) -> str:
    """Return the SHA-256 of a text that is canonical already."""
    return f"0x{hashlib.sha256(text).hexdigest()}"


def read(text: str | bytes) -> Any:
    """Return the data of a JSON text; raises `InvalidInput` for everything that two readers might read differently."""
    try:
        text = text if isinstance(text, str) else text.decode()
        # Before the parser sees it: where some library has raised Python's limit, too deep a text ends the process.
        if _nesting(text) > DEPTH:
            raise InvalidInput(f"It is nested deeper than {DEPTH} levels.")
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"It is no JSON: {error}.") from None
    # Whatever has no canonical form is refused here, before anybody looks into it.
    canonical(data)
    return data


def differences(anchored: Any, now: Any) -> list[Difference]:
    """Return every value that differs, down to the innermost, in the order of their paths in the first document."""
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
    # To Python, true is 1; in JSON 1 and 1.0 are the same number, and true is none.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    return type(one) is type(other) and bool(one == other)


def _depth(data: Any) -> int:
    deepest, found = 0, [(data, 0)]
    while found and deepest <= DEPTH:
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
            raise InvalidInput(f"The name {name[:80]!r} is there twice in one object.")
        found[name] = value
    return found


def _constant(name: str) -> Any:
    raise InvalidInput(f"{name} is no number in JSON.")


def _shown(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"
