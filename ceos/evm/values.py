"""Contract values as people type and read them: amounts in whole tokens, lists as JSON, numbers as digits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ceos.errors import InvalidInput

if TYPE_CHECKING:
    from ceos.evm.abi import Function

#: Larger numbers are strings in JSON, because many JSON readers keep only 53 bits.
MAX_JSON_NUMBER = 2**53
_AMOUNT = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,40}))?")


def typed(function: Function, texts: Sequence[str]) -> list[Any]:
    """Return the typed arguments of a function, lists and structs from JSON; raises `InvalidInput`."""
    kinds = [param.type for param in function.inputs]
    if len(texts) != len(kinds):
        wanted = ", ".join(f"{param.type} {param.name}".rstrip() for param in function.inputs) or "nothing"
        raise InvalidInput(f"{function.name} takes {wanted}; {len(texts)} arguments were given.")
    return [_parsed(kind, text) if kind.endswith(("]", ")")) else text for kind, text in zip(kinds, texts, strict=True)]


def _parsed(kind: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(f"A value of type {kind} is written as JSON, such as '[1, 2]'; got {text[:80]!r}.") from None


def as_json(value: Any) -> Any:
    """Return a value as JSON that every reader keeps exactly: numbers beyond 2^53 as strings, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_JSON_NUMBER:
        return str(value)
    return value


def units(text: str, decimals: int) -> int:
    """Return an amount of whole tokens in the smallest unit: units("2.5", 6) is 2_500_000; raises `InvalidInput`."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise InvalidInput(f"{text[:50]!r} is not an amount; write one such as 0.01.")
    after = (found[2] or "").rstrip("0")
    if len(after) > decimals:
        raise InvalidInput(f"{text[:50]!r} has more than {decimals} digits after the point.")
    return int(found[1] + after.ljust(decimals, "0"))
