"""Sentences about wrong values: the expected value, and the value in the file.

A value that looks like a secret is not repeated, because messages end up in logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ceos.config.toml import Location
from ceos.logs import redact

#: Values and keys in messages are cut to this many characters.
MAX_SHOWN_CHARACTERS = 60

#: The expected value, by pydantic's error type.
_EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "datetime_type": "a date and time such as 2026-03-02T09:00:00Z",
    "timezone_aware": "a date and time with its zone such as 2026-03-02T09:00:00Z",
    "string_unicode": "a string of whole characters",
    "string_too_short": "a string that is not empty",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least one entry",
    "too_long": "at most {max_length} entries",
    "greater_than": "more than {gt:.10g}",
    "greater_than_equal": "at least {ge:.10g}",
    "less_than_equal": "at most {le:.10g}",
    "finite_number": "a number",
    "literal_error": "{expected}",
    "value_error": "{error}",
}

_SECRET_KEY = re.compile(r"(?i)secret|token(?!s)|passw|signer|credential|uuid|(^|_)key")
_SECRET_WORD = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-|\b(sk|pk|ghp|key)[-_]\w{6}")
_SECRET_RUN = re.compile(r"(?=[A-Za-z+/=_]*[0-9])(?=[0-9+/=_]*[A-Za-z])[A-Za-z0-9+/=_]{24,}")
_ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}")


def wrong_value(location: Location, detail: Mapping[str, Any], forms: Mapping[str, str]) -> str:
    """Return the sentence for one of pydantic's errors; `forms` describes by key what a pattern expects."""
    kind, value = detail["type"], detail["input"]
    form = forms.get(names(location)[-1]) if kind == "string_pattern_mismatch" else _EXPECTED.get(kind)
    expected = form.format(**detail.get("ctx", {})) if form else f"something else ({detail['msg']})"
    if kind == "value_error" and isinstance(value, dict | tuple):
        return f"expected {expected}."
    # A validator names the expected value, and sometimes, after a semicolon, the fault of this value.
    wanted, _, wrong = " ".join(expected.split()).partition("; ")
    if _is_secret(location, value):
        return f"expected {wanted}; the value is not shown here."
    return f"expected {wanted}; {wrong if 0 < len(wrong) <= 2 * MAX_SHOWN_CHARACTERS else f'got {shown(value)}'}."


def _is_secret(location: Location, value: Any) -> bool:
    keys = names(location)
    is_secret_key = bool(keys) and _SECRET_KEY.search(keys[-1]) is not None
    return is_secret_key or (isinstance(value, str) and looks_secret(value))


def looks_secret(text: str) -> bool:
    """Return True if a string may be a secret; the address of an account is not one."""
    if _ACCOUNT.fullmatch(text):
        return redact(text) != text
    return redact(text) != text or bool(_SECRET_WORD.search(text) or _SECRET_RUN.search(text))


def shown(value: Any) -> str:
    """Return a value as messages show it, cut if it is long."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, str):
        return repr(cut(value))
    # Python refuses to print integers of thousands of digits, which hexadecimal numbers in TOML can be.
    return "a huge number" if isinstance(value, int) and value.bit_length() > 200 else cut(str(value))


def cut(text: str, most: int = MAX_SHOWN_CHARACTERS) -> str:
    """Return a text, or its beginning and an ellipsis if it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def clear_key(key: str) -> str:
    """Return a key as messages show it, unless it looks like a misplaced secret."""
    return "(a key that is not shown)" if looks_secret(key) else repr(cut(key))[1:-1]


def names(location: Location) -> tuple[str, ...]:
    """Return the keys of a location, without positions in lists."""
    return tuple(step for step in location if isinstance(step, str))


def dotted(location: Location) -> str:
    """Return a location as messages name it: `skills[0].params`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{clear_key(step)}" for step in location)
    return "".join(steps).removeprefix(".")
