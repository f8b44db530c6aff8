"""Regular expressions with a limit: every call has one second of processor time.

A pattern such as `(a+)+$` may take practically for ever. Python's matcher checks for signals while it runs, so a timer
whose handler raises stops it, and a skill can catch the error.
"""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

#: Seconds of processor time that one call may take.
SECONDS = 1.0

# The flag makes the compiler print to the process's own output.
_ALLOWED_FLAGS = ~int(re.DEBUG)


class _Timer:
    """The process's one timer of processor time; it needs the main thread, where Python runs signal handlers."""

    def __init__(self) -> None:
        self._running = 0
        self._installed = False
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGVTALRM, self._expire)
            self._installed = True

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function and raise `TimeoutError` when it takes too long."""
        if not self._installed:
            return function(*args, **kwargs)
        # A replacement function may use patterns itself: the outer call then continues with its remaining time.
        left, _ = signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        self._running += 1
        try:
            return function(*args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, left)
            self._running -= 1

    def _expire(self, _number: int, _frame: FrameType | None) -> None:
        # The signal may arrive after the end of the call.
        if self._running:
            raise TimeoutError(
                f"a regular expression took more than {SECONDS:g} s of processor time; "
                "simplify the pattern, or shorten the text"
            )


_TIMER = _Timer()
_call = _TIMER.call


class Pattern:
    """A compiled pattern with timed methods."""

    __slots__ = ("_pattern",)

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self._pattern = pattern

    def __repr__(self) -> str:
        return repr(self._pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self._pattern == other._pattern

    def __hash__(self) -> int:
        return hash(self._pattern)

    @property
    def pattern(self) -> Any:
        """The pattern's text."""
        return self._pattern.pattern

    @property
    def flags(self) -> int:
        """Its flags."""
        return self._pattern.flags

    @property
    def groups(self) -> int:
        """The number of its groups."""
        return self._pattern.groups

    @property
    def groupindex(self) -> dict[str, int]:
        """Its named groups and their numbers."""
        return dict(self._pattern.groupindex)

    def match(self, string: Any, *bounds: int) -> re.Match[Any] | None:
        """Match at the beginning."""
        found: re.Match[Any] | None = _call(self._pattern.match, string, *bounds)
        return found

    def fullmatch(self, string: Any, *bounds: int) -> re.Match[Any] | None:
        """Match all of a text."""
        found: re.Match[Any] | None = _call(self._pattern.fullmatch, string, *bounds)
        return found

    def search(self, string: Any, *bounds: int) -> re.Match[Any] | None:
        """Find the first match."""
        found: re.Match[Any] | None = _call(self._pattern.search, string, *bounds)
        return found

    def findall(self, string: Any, *bounds: int) -> list[Any]:
        """Return the text of every match."""
        found: list[Any] = _call(self._pattern.findall, string, *bounds)
        return found

    def finditer(self, string: Any, *bounds: int) -> Iterator[re.Match[Any]]:
        """Return every match; all are found at once, within the limit."""
        return iter(_call(_all_matches, self._pattern, string, *bounds))

    def split(self, string: Any, maxsplit: int = 0) -> list[Any]:
        """Split a text where the pattern matches."""
        parts: list[Any] = _call(self._pattern.split, string, maxsplit)
        return parts

    def sub(self, repl: Any, string: Any, count: int = 0) -> Any:
        """Replace every match."""
        return _call(self._pattern.sub, repl, string, count)

    def subn(self, repl: Any, string: Any, count: int = 0) -> Any:
        """Replace every match, and count them."""
        return _call(self._pattern.subn, repl, string, count)


def _all_matches(pattern: re.Pattern[Any], *args: Any) -> list[re.Match[Any]]:
    return list(pattern.finditer(*args))


def compile(pattern: Any, flags: int = 0) -> Pattern:
    """`re.compile`, timed."""
    if isinstance(pattern, Pattern):
        if flags:
            raise ValueError("cannot process flags argument with a compiled pattern")
        return pattern
    # A subclass of str may give the parser any answer.
    if isinstance(pattern, str):
        pattern = str.__getitem__(pattern, slice(None))
    elif isinstance(pattern, bytes):
        pattern = bytes.__getitem__(pattern, slice(None))
    return Pattern(_call(re.compile, pattern, int(flags) & _ALLOWED_FLAGS))


def match(pattern: Any, string: Any, flags: int = 0) -> re.Match[Any] | None:
    """`re.match`, timed."""
    return compile(pattern, flags).match(string)


def fullmatch(pattern: Any, string: Any, flags: int = 0) -> re.Match[Any] | None:
    """`re.fullmatch`, timed."""
    return compile(pattern, flags).fullmatch(string)


def search(pattern: Any, string: Any, flags: int = 0) -> re.Match[Any] | None:
    """`re.search`, timed."""
    return compile(pattern, flags).search(string)


def findall(pattern: Any, string: Any, flags: int = 0) -> list[Any]:
    """`re.findall`, timed."""
    return compile(pattern, flags).findall(string)


def finditer(pattern: Any, string: Any, flags: int = 0) -> Iterator[re.Match[Any]]:
    """`re.finditer`, timed."""
    return compile(pattern, flags).finditer(string)


def split(pattern: Any, string: Any, maxsplit: int = 0, flags: int = 0) -> list[Any]:
    """`re.split`, timed."""
    return compile(pattern, flags).split(string, maxsplit)


def sub(pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> Any:
    """`re.sub`, timed."""
    return compile(pattern, flags).sub(repl, string, count)


def subn(pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> Any:
    """`re.subn`, timed."""
    return compile(pattern, flags).subn(repl, string, count)
