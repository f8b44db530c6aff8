"""`str.format` without its way into objects: a field is a name or a number, never `{0.attribute}` or `{0[key]}`."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

#: The methods of `str` that read attributes by the names in a text.
METHODS = frozenset({"format", "format_map"})

_PARSE = string.Formatter().parse


def safe_format(text: str, /, *args: Any, **kwargs: Any) -> str:
    """`str.format` for plain fields."""
    _check(text)
    return str.format(text, *args, **kwargs)


def safe_format_map(text: str, mapping: Mapping[str, Any], /) -> str:
    """`str.format_map` for plain fields."""
    _check(text)
    return str.format_map(text, mapping)


def bound(name: str, text: str) -> Callable[..., str]:
    """Return what `text.format` or `text.format_map` is to a skill."""
    if name == "format_map":
        return lambda mapping: safe_format_map(text, mapping)
    return lambda *args, **kwargs: safe_format(text, *args, **kwargs)


def unbound(name: str) -> Callable[..., str]:
    """Return what `str.format` or `str.format_map` is to a skill."""
    return safe_format_map if name == "format_map" else safe_format


def _check(text: str) -> None:
    """Raise `ValueError` unless all fields are plain, those within format specs too; Python's own parser decides."""
    for _, field, spec, _ in _PARSE(text):
        if field and ("." in field or "[" in field):
            raise ValueError(f"the field {{{field}}} looks into an object; use an f-string, or pass the value itself")
        if spec:
            _check(spec)


class Template:
    """`string.Template`: only `$name` and `${name}`, and nothing to build on or to set."""

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
        """Fill every place; raises `KeyError` for one that has no value."""
        return self._template.substitute({} if mapping is None else mapping, **names)

    def safe_substitute(self, mapping: Mapping[str, Any] | None = None, /, **names: Any) -> str:
        """Fill the places that have a value."""
        return self._template.safe_substitute({} if mapping is None else mapping, **names)

    def get_identifiers(self) -> list[str]:
        """Return the names of the places."""
        return self._template.get_identifiers()
