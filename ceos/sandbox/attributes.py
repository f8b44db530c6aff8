"""Attributes of objects, as compiled code of a skill reads and writes them."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import re
import types
from typing import Any

from ceos.sandbox import classes, formatting, timed_re
from ceos.sandbox.names import HIDDEN, MAGIC, NAMED_TUPLE, READABLE, respell

_MISSING = object()
_ABSENT = object()

#: Attributes of these types are never returned.
_UNSEEN = (types.ModuleType, types.FrameType, types.CodeType, types.TracebackType, types.CellType)


def read(target: Any, name: str) -> Any:
    """Return an attribute: `target.name` in a skill."""
    if type(name) is not str:
        raise TypeError("an attribute's name is a string")
    if name in HIDDEN or name.startswith("_"):
        return _read_unusual(target, name)
    value = getattr(target, name)
    if isinstance(value, _UNSEEN):
        raise AttributeError(f"the attribute '{name}' is not available")
    if name in formatting.METHODS:
        return _plain_format(value, name)
    if name in _CLOCKS:
        return _moment_of_run(value, name)
    if type(value) is re.Pattern:
        return timed_re.Pattern(value)
    return value


def _read_unusual(target: Any, name: str) -> Any:
    kind = target if isinstance(target, type) else type(target)
    if name in NAMED_TUPLE and issubclass(kind, tuple):
        return getattr(target, name)
    raise AttributeError(f"the attribute '{name}' is not available")


def _plain_format(value: Any, name: str) -> Any:
    """Replace the methods of `str` by safe ones, however they were reached: bound, unbound, or through `super()`."""
    if isinstance(value, types.BuiltinMethodType) and isinstance(value.__self__, str):
        return formatting.bound(name, value.__self__)
    if isinstance(value, types.MethodDescriptorType) and issubclass(value.__objclass__, str):
        return formatting.unbound(name)
    return value


#: The methods of dates that read the clock.
_CLOCKS = ("now", "utcnow", "today")
#: The time of this run, or None if the skill may not know it; a process runs one skill.
_moment: datetime.datetime | None = None


def set_moment(moment: datetime.datetime | None) -> None:
    """Set the time that the clocks of the skill show; with None they refuse."""
    global _moment  # noqa: PLW0603  # as said above
    _moment = moment


def _moment_of_run(value: Any, name: str) -> Any:
    """Replace the methods that read the clock, so that a repeated run has the same result."""
    kind = getattr(value, "__self__", None)
    if not (isinstance(value, types.BuiltinMethodType) and isinstance(kind, type) and issubclass(kind, datetime.date)):
        return value
    moment = _moment
    if moment is None:
        raise AttributeError(f"{kind.__name__}.{name}() reads the clock; use ctx.now with the grant now")
    if name == "now":
        return lambda tz=None: moment.astimezone(tz) if tz else moment.replace(tzinfo=None)
    plain = moment.replace(tzinfo=None)
    return lambda: plain if issubclass(kind, datetime.datetime) else plain.date()


def read_special(target: Any, name: str) -> Any:
    """Return one of the few attributes with underscores on both sides that a skill may read."""
    if type(name) is not str:
        raise TypeError("an attribute's name is a string")
    if name == "__class__":
        return TYPE(target)
    if name in ("__name__", "__qualname__"):
        if isinstance(target, type | types.FunctionType | types.BuiltinFunctionType):
            return str(getattr(target, name))
    elif name == "__members__":
        if type(target) is classes.SkillEnum:
            return dict(target.__members__)
    elif name in MAGIC and (type(target) is super or _is_ordinary(target) or _is_ordinary(type(target))):
        return getattr(target, name)
    raise AttributeError(f"the attribute '{name}' is not available")


def _is_ordinary(kind: Any) -> bool:
    """Say whether a class has plain values as instances, or is the skill's own."""
    if not isinstance(kind, type):
        return False
    return kind in _KNOWN or type(kind) in (classes.SkillClass, classes.SkillEnum) or issubclass(kind, Exception)


#: Containers whose items a skill may write, besides instances of its own classes.
_WRITABLE = {
    *(list, dict, collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque),
    collections.ChainMap,
}


def writable(target: Any) -> Any:
    """Return an object whose items and attributes a skill may write: `target.x = …` and `target[x] = …`."""
    kind = type(target)
    if kind in _WRITABLE or classes.is_skill_class(kind) or classes.is_skill_class(target):
        return target
    if classes.is_skill_function(target) or type(kind) is classes.SkillEnum:
        return target
    raise TypeError(f"{_describe(target)} is read-only here; write to a list, a dict or an object of your own class")


def _describe(target: Any) -> str:
    if isinstance(target, type):
        return f"the class '{target.__name__}'"
    return f"a value of type '{type(target).__name__}'"


def _allowed(name: str) -> str:
    """Return the compiled name of an attribute, or raise `AttributeError` for one that the policy refuses."""
    if type(name) is not str:
        raise TypeError("an attribute's name is a string")
    name = name if name in NAMED_TUPLE else respell(name)
    if name in HIDDEN or (name.startswith("_") and name not in NAMED_TUPLE):
        raise AttributeError(f"the attribute '{name}' is not available")
    return name


def get(target: Any, name: str, default: Any = _MISSING, /) -> Any:
    try:
        if type(name) is str and name in READABLE:
            return read_special(target, name)
        return read(target, _allowed(name))
    except AttributeError:
        if default is _MISSING:
            raise
        return default


def has(target: Any, name: str, /) -> bool:
    return get(target, name, _ABSENT) is not _ABSENT


def assign(target: Any, name: str, value: Any, /) -> None:
    name = _allowed(name)
    if name in NAMED_TUPLE:
        raise AttributeError(f"the attribute '{name}' is not available")
    setattr(writable(target), name, value)


def delete(target: Any, name: str, /) -> None:
    name = _allowed(name)
    if name in NAMED_TUPLE:
        raise AttributeError(f"the attribute '{name}' is not available")
    delattr(writable(target), name)


class _Type:
    """`type` with one argument, which returns the type of a value."""

    __slots__ = ()

    def __call__(self, value: Any, /) -> Any:
        kind = type(value)
        if isinstance(value, type):
            return self
        if _is_ordinary(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
            return kind
        raise TypeError(f"type() is not available for {_describe(value)}; use isinstance")

    def __repr__(self) -> str:
        return "<class 'type'>"

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, type)


TYPE = _Type()

_KNOWN = {
    *(object, type(None), bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset, range, slice),
    *(collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque, collections.ChainMap),
    *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
    *(decimal.Decimal, fractions.Fraction),
}
