"""The classes of a skill: their allowed bases, their contents, and their metaclasses.

A skill may write to its own classes and instances only, so its classes have metaclasses of their own. A skill never
gets a metaclass: `type(value)` returns a class, never the class of a class.
"""

from __future__ import annotations

import builtins
import collections
import dataclasses
import enum
import functools
import types
from collections.abc import Callable, Iterable
from typing import Any

from ceos.sandbox.hints import Hint
from ceos.sandbox.names import FILENAME, MODULE


class SkillClass(type):
    """The metaclass of a skill's classes."""


class SkillEnum(enum.EnumType):
    """The metaclass of a skill's enumerations; a call cannot make one, because its names would be unchecked."""

    def __call__(cls, value: Any) -> Any:  # type: ignore[override]
        return super().__call__(value)


#: Errors that a skill may raise, catch and subclass.
ERRORS = tuple(
    kind
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, BaseExceptionGroup)
)

#: The enumerations that a skill may subclass.
ENUMS = (enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.IntFlag)

#: Further base classes of a skill's classes.
_BASES = {
    *(object, bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset),
    *(collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque, *ENUMS),
}


def is_skill_class(kind: object) -> bool:
    """Say whether a class is a skill's own, enumerations excepted, which cannot be changed."""
    return type(kind) is SkillClass


def is_skill_function(function: object) -> bool:
    """Say whether a function is a skill's own."""
    return type(function) is types.FunctionType and function.__code__.co_filename == FILENAME


class ClassMaker:
    """The metaclass of compiled class statements, which chooses the real one."""

    def __prepare__(self, name: str, bases: tuple[type, ...]) -> Any:
        if any(isinstance(base, enum.EnumType) for base in bases):
            return SkillEnum.__prepare__(name, bases)
        return {}

    def __call__(self, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        """Make a class."""
        for hint in namespace.pop("__orig_bases__", ()):
            if isinstance(hint, Hint) and hint.becomes == "tuple":
                bases = (_tuple_of(name, namespace), *bases)
            elif isinstance(hint, Hint) and hint.becomes == "dict":
                return dict
        for base in bases:
            if not _may_be_based_on(base):
                raise TypeError(f"a class of a skill cannot be based on {getattr(base, '__name__', 'this')}")
        if "__exit__" in namespace:
            namespace["__exit__"] = _without_traceback(namespace["__exit__"])
        if any(isinstance(base, enum.EnumType) for base in bases):
            return SkillEnum(name, bases, namespace)  # type: ignore[arg-type]
        return SkillClass(name, bases, namespace)


def _may_be_based_on(base: type) -> bool:
    if type(base) in (SkillClass, SkillEnum) or base in _BASES:
        return True
    return issubclass(base, Exception) or (issubclass(base, tuple) and base.__module__ == MODULE)


def _tuple_of(name: str, namespace: dict[str, Any]) -> type:
    fields = list(namespace.pop("__annotations__", ()))
    defaults = [namespace.pop(field) for field in fields if field in namespace]
    return named_tuple(name, fields, defaults=defaults)


def _without_traceback(leave: Any) -> Callable[..., Any]:
    if not is_skill_function(leave):
        raise TypeError("__exit__ must be a plain method")

    def __exit__(self: Any, kind: Any, error: Any, _traceback: Any) -> Any:  # noqa: N807
        return leave(self, kind, error, None)

    return __exit__


def named_tuple(
    typename: str, field_names: str | Iterable[str], *, rename: bool = False, defaults: Iterable[Any] | None = None
) -> type[Any]:
    """Return a named tuple like `collections.namedtuple`, whose generated code gets checked, plain strings only."""
    words = field_names.replace(",", " ").split() if type(field_names) is str else list(field_names)
    if type(typename) is not str or any(type(word) is not str for word in words):
        raise TypeError("the names of a named tuple and its fields are strings")
    make: Any = collections.namedtuple
    result: type[Any] = make(typename, words, rename=bool(rename), defaults=defaults, module=MODULE)
    return result


def dataclass(cls: Any = None, /, **options: bool) -> Any:
    """Decorate a class of a skill like `dataclasses.dataclass`."""
    if cls is None:
        return functools.partial(dataclass, **options)
    if not is_skill_class(cls):
        raise TypeError("@dataclass is for the classes of a skill")
    # Without a docstring the class would get one from its signature, which takes longer than everything else.
    if not cls.__doc__:
        cls.__doc__ = cls.__name__
    return dataclasses.dataclass(**options)(cls)


def total_ordering(cls: Any) -> Any:
    """Decorate a class of a skill like `functools.total_ordering`."""
    if not is_skill_class(cls):
        raise TypeError("@total_ordering is for the classes of a skill")
    return functools.total_ordering(cls)


def wraps(wrapped: Any, **_options: Any) -> Callable[[Any], Any]:
    """Decorate like `functools.wraps`, but copy the name and the documentation only."""

    def decorate(wrapper: Any) -> Any:
        if is_skill_function(wrapper):
            for attribute in ("__name__", "__qualname__", "__doc__"):
                value = getattr(wrapped, attribute, None)
                if type(value) is str:
                    setattr(wrapper, attribute, value)
        return wrapper

    return decorate
