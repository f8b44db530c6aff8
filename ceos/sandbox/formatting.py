"""`str.format` without access to attributes: a field is a name or a number, never `{0.attribute}` or `{0[key]}`."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

#: The methods of `str` that read attributes named in a text.
METHODS = frozenset({"format", "format_map"})

_PARSE = string.Formatter().parse


def safe_format(text: str, /, *args: Any, **kwargs: Any) -> str:
    """Format like `str.format`, with plain fields only."""
    _check(text)
    return str.format(text, *args, **kwargs)


def safe_format_map(text: str, mapping: Mapping[str, Any], /) -> str:
    """Format like `str.format_map`, with plain fields only."""
    _check(text)
    return str.format_map(text, mapping)


def bound(name: str, text: str) -> Callable[..., str]:
    """Return the replacement of `text.format` or `text.format_map`."""
    if name == "format_map":
        return lambda mapping: safe_format_map(text, mapping)
    return lambda *args, **kwargs: safe_format(text, *args, **kwargs)


def unbound(name: str) -> Callable[..., str]:
    """Return the replacement of `str.format` or `str.format_map`."""
    return safe_format_map if name == "format_map" else safe_format


def _check(text: str) -> None:
    """Raise `ValueError` unless all fields are plain, nested ones included, by Python's own parser."""
    for _, field, spec, _ in _PARSE(text):
        if field and ("." in field or "[" in field):
            raise ValueError(f"the field {{{field}}} reads an attribute or item; use an f-string")
        if spec:
            _check(spec)


class Template:
    """`string.Template` with `$name` and `${name}` only, which cannot be subclassed or changed."""

    __slots__ = ("_template",)

    def __init__(self, template: str) -> None:
        if not isinstance(template, str):
            raise TypeError("a template is a string")
        self._template = string.Template(template)

    @property
    def template(self) -> str:
        """The template's text."""
        return self._template.template

    def substitute(self, mapping: Mapping[str, Any] | None = None, /, **names: Any) -> str:
        """Fill every placeholder; raises `KeyError` for one without a value."""
        return self._template.substitute({} if mapping is None else mapping, **names)

    def safe_substitute(self, mapping: Mapping[str, Any] | None = None, /, **names: Any) -> str:
        """Fill the placeholders that have a value."""
        return self._template.safe_substitute({} if mapping is None else mapping, **names)

    def get_identifiers(self) -> list[str]:
        """Return the names of the placeholders."""
        return self._template.get_identifiers()
