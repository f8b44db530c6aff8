"""The classes a skill makes: from which bases, with what inside, and how they are told from all others.

What may be written to is what the skill made, so every class of a skill has a metaclass of its own. It is handed out to
nobody: `type(value)` gives a class, never the class of a class.
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
    """The class of a skill's classes."""


class SkillEnum(enum.EnumType):
    """The class of a skill's enumerations; they are written out, never made by a call, whose names nobody checks."""

    def __call__(cls, value: Any) -> Any:  # type: ignore[override]
        return super().__call__(value)


#: Errors that a skill may raise, catch and build on.
ERRORS = tuple(
    kind
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, BaseExceptionGroup)
)

#: The enumerations that a skill may build on.
ENUMS = (enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.IntFlag)

#: What else a skill's class may be based on.
_BASES = {
    *(object, bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset),
    *(collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque, *ENUMS),
}


def is_skill_class(kind: object) -> bool:
    """Whether a skill made this class; enumerations do not count, they do not change."""
    return type(kind) is SkillClass


def is_skill_function(function: object) -> bool:
    """Whether a skill wrote this function."""
    return type(function) is types.FunctionType and function.__code__.co_filename == FILENAME


class ClassMaker:
    """What compiled class statements call instead of a metaclass."""

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
    """`collections.namedtuple`, whose generated code gets nothing but checked, plain strings."""
    words = field_names.replace(",", " ").split() if type(field_names) is str else list(field_names)
    if type(typename) is not str or any(type(word) is not str for word in words):
        raise TypeError("the names of a named tuple and its fields are strings")
    make: Any = collections.namedtuple
    result: type[Any] = make(typename, words, rename=bool(rename), defaults=defaults, module=MODULE)
    return result


def dataclass(cls: Any = None, /, **options: bool) -> Any:
    """`dataclasses.dataclass` for the classes of a skill."""
    if cls is None:
        return functools.partial(dataclass, **options)
    if not is_skill_class(cls):
        raise TypeError("@dataclass is for the classes of a skill")
    # Without a text of its own the class would be given one from its signature, which takes longer than all the rest.
    if not cls.__doc__:
        cls.__doc__ = cls.__name__
    return dataclasses.dataclass(**options)(cls)


def total_ordering(cls: Any) -> Any:
    """`functools.total_ordering` for the classes of a skill."""
    if not is_skill_class(cls):
        raise TypeError("@total_ordering is for the classes of a skill")
    return functools.total_ordering(cls)


def wraps(wrapped: Any, **_options: Any) -> Callable[[Any], Any]:
    """`functools.wraps`: the wrapper takes over the name and the documentation, nothing else."""

    def decorate(wrapper: Any) -> Any:
        if is_skill_function(wrapper):
            for attribute in ("__name__", "__qualname__", "__doc__"):
                value = getattr(wrapped, attribute, None)
                if type(value) is str:
                    setattr(wrapper, attribute, value)
        return wrapper

    return decorate
