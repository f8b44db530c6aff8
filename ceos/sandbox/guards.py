"""The objects that compiled code of a skill can reach: its builtins, and the hooks that the policy inserts.

This module imports everything that a call may need, because a child cannot read files.
"""

from __future__ import annotations

import builtins
import codecs
import contextlib
import datetime as dt
import hashlib
import importlib
from collections.abc import Callable
from typing import Any

from ceos.sandbox import attributes, classes, modules, wire
from ceos.sandbox.names import MODULE, words


class HostError(Exception):
    """The host refused or failed a call of the skill."""


class Output:
    """The prints and logs of a skill, up to a limit."""

    def __init__(self, limit: int = wire.OUTPUT_CHARS) -> None:
        self._limit = limit
        self._left = limit
        self._parts: list[str] = []
        self._is_cut = False

    def write(self, text: str) -> None:
        """Keep a text, or the part of it that fits."""
        # A skill's subclass of str may have its own length and concatenation.
        text = str.__str__(text)
        self._is_cut = self._is_cut or len(text) > self._left
        if self._left:
            self._parts.append(text[: self._left])
            self._left -= len(self._parts[-1])

    def lines(self) -> list[str]:
        """Return the written lines; the last one says if there was more."""
        text = "".join(self._parts)
        lines = text.removesuffix("\n").split("\n") if text else []
        if self._is_cut:
            lines.append(f"(cut off: only the first {self._limit:,} characters are kept)")
        return lines


_PLAIN = words(
    "None False True Ellipsis NotImplemented abs all any ascii bin bool bytes callable chr classmethod complex dict "
    "divmod enumerate filter float format frozenset hash hex int isinstance issubclass iter len list map max min next "
    "object oct ord pow property range repr reversed round set slice sorted staticmethod str sum super tuple zip"
)

_BUILTINS: dict[str, Any] = {
    **{name: getattr(builtins, name) for name in _PLAIN},
    **{error.__name__: error for error in classes.ERRORS},
    "EnvironmentError": OSError,
    "IOError": OSError,
    "HostError": HostError,
    "getattr": attributes.get,
    "hasattr": attributes.has,
    "setattr": attributes.assign,
    "delattr": attributes.delete,
    "type": attributes.TYPE,
    "__build_class__": builtins.__build_class__,
}

#: The builtin names of skills.
NAMES = frozenset(name for name in _BUILTINS if not name.startswith("_")) | {"print"}

_HOOKS: dict[str, Any] = {
    "__name__": MODULE,
    "__metaclass__": classes.ClassMaker(),
    "_getattr_": attributes.read,
    "_special_": attributes.read_special,
    "_write_": attributes.writable,
}

# Python's C code, such as `strptime`, imports these through the builtins of its caller and then takes them from the
# loaded modules. The import succeeds without giving the skill anything.
_INTERNAL = frozenset(
    words("_strptime _pylong _warnings copyreg datetime encodings io json.decoder time unicodedata warnings")
)


def _importer(facades: Callable[[str], Any]) -> Callable[..., Any]:
    def import_facade(name: str, _globals: Any = None, _locals: Any = None, wanted: Any = (), level: int = 0, /) -> Any:
        if type(name) is str and not level:
            facade = facades(name)
            if facade is not None:
                return facade if wanted or "." not in name else facades(name.partition(".")[0])
            if name in _INTERNAL:
                return None
        raise ImportError(f"the module '{name}' is not available")

    return import_facade


def _printer(output: Output) -> Callable[..., None]:
    def print_to_log(
        *values: Any,
        sep: str | None = " ",
        end: str | None = "\n",
        file: Any = None,
        flush: bool = False,  # noqa: ARG001 (print has it)
    ) -> None:
        if file is not None:
            raise TypeError("print() writes to the skill's log; leave out file=")
        between, last = " " if sep is None else sep, "\n" if end is None else end
        if not isinstance(between, str) or not isinstance(last, str):
            raise TypeError("sep and end must be strings")
        output.write(str.join(str.__str__(between), [str(value) for value in values]))
        output.write(last)

    return print_to_log


#: Globals made in the zygote: a copy in the child would change the reference counts of all objects, and so copy pages.
_ahead: list[dict[str, Any]] = []


def make_ahead(count: int) -> None:
    """Make the globals of `count` later runs."""
    _ahead.extend(_new_globals() for _ in range(count))


def make_globals(output: Output, seed: str, now: dt.datetime | None = None) -> dict[str, Any]:
    """Return the globals for one run of compiled code, whose prints go to `output` and whose random seed is `seed`.

    `now` is the time of the clocks of `datetime`; without it they refuse.
    """
    attributes.set_moment(now)
    found = _ahead.pop() if _ahead else _new_globals()
    private = found["__builtins__"]
    private["print"] = _printer(output)
    private["__import__"] = _importer(modules.facades(seed))
    return found


def _new_globals() -> dict[str, Any]:
    return {**_HOOKS, "__builtins__": _BUILTINS | {"print": None, "__import__": None}}


def _preload() -> None:
    """Load modules that Python itself would load only when they are needed."""
    for name in ("_strptime", "_pylong"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in words("ascii latin-1 utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 cp1252 unicode-escape"):
        codecs.lookup(name)
    # The first digest of each kind makes OpenSSL read its configuration.
    for name in modules.offered("hashlib"):
        getattr(hashlib, name)(b"")


_preload()
