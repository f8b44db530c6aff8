"""Type hints without effect: the replacement of `typing` and the abstract classes.

Annotations are not evaluated, but hints also occur in code: in aliases, as base classes, in `cast` and in `isinstance`.
"""

from __future__ import annotations

import collections.abc
import typing
from typing import Any


class Hint:
    """A name for type checkers that supports every operation on type hints."""

    __slots__ = ("_base", "_check", "_name", "becomes")

    def __init__(self, name: str, *, check: Any = None, base: type | None = None, becomes: str = "") -> None:
        self._name = name
        self._check = check
        self._base = base
        #: The kind of a class based on it: `tuple`, `dict`, or a class without this base.
        self.becomes = becomes

    def __repr__(self) -> str:
        return self._name

    def __getitem__(self, _parameters: Any) -> Hint:
        return self

    def __call__(self, *_arguments: Any, **_options: Any) -> Any:
        raise TypeError(f"{self._name}() is not available; write a class statement")

    def __or__(self, _other: Any) -> Hint:
        return self

    __ror__ = __or__

    def __instancecheck__(self, value: Any) -> bool:
        if self._check is None:
            raise TypeError(f"isinstance() cannot check for {self._name}")
        return isinstance(value, self._check)

    def __subclasscheck__(self, kind: Any) -> bool:
        if self._check is None:
            raise TypeError(f"issubclass() cannot check for {self._name}")
        return issubclass(kind, self._check)

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type, ...]:
        return () if self._base is None else (self._base,)


def base(kind: type) -> Hint:
    """Return a hint that serves as a base class and in `isinstance`."""
    return Hint(kind.__name__, check=kind, base=kind)


def abstract(names: list[str]) -> dict[str, Any]:
    """Return the abstract classes of `collections.abc` as hints that `isinstance` understands."""
    return {name: Hint(name, check=getattr(collections.abc, name)) for name in names}


ABSTRACT = abstract([name for name in collections.abc.__all__ if name not in ("Buffer", "Awaitable", "Coroutine")])


def _same(value: Any, /) -> Any:
    return value


def _variable(name: str, *_constraints: Any, **_options: Any) -> Hint:
    return Hint(name)


TYPING: dict[str, Any] = {
    **{name: Hint(name) for name in typing.__all__ if name[0].isupper()},
    **ABSTRACT,
    "TYPE_CHECKING": False,
    "NamedTuple": Hint("NamedTuple", becomes="tuple"),
    "TypedDict": Hint("TypedDict", becomes="dict"),
    "TypeVar": _variable,
    "ParamSpec": _variable,
    "NewType": lambda _name, _kind: _same,
    "cast": lambda _kind, value: value,
    "final": _same,
    "overload": _same,
    "override": _same,
    "no_type_check": _same,
    "runtime_checkable": _same,
}
