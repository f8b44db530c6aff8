"""Untrusted text on its way into a prompt."""

from __future__ import annotations

import json
from typing import Any


def as_data(value: Any) -> str:
    """Return a value as JSON in which no element of a prompt can begin or end: it contains neither `<` nor `>`."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
