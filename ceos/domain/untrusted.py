"""Untrusted text on its way into a prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|$)')


def as_data(value: Any) -> str:
    """Return a value as JSON in which no element of a prompt can begin or end: it contains neither `<` nor `>`."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")


def texts_in(data: str) -> Iterator[str]:
    """Yield the texts in JSON, names of fields included; the JSON may have been cut off anywhere."""
    for match in _TEXT.finditer(data):
        try:
            yield json.loads(f'"{match[1]}"', strict=False)
        except ValueError:
            yield match[1]


def strings_in(value: Any) -> Iterator[str]:
    """Yield every string in plain data, names of fields left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings_in(one)
