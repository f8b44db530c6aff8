"""The meaning of the last frame of a child, whose contents are untrusted."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ceos.domain.text import visible
from ceos.errors import SkillError, SkillFailed, SkillForbidden, SkillOutOfMemory, SkillTimedOut
from ceos.sandbox import wire

#: Exit codes of children, as of `os.waitstatus_to_exitcode`, and their meaning.
_CPU = (-signal.SIGXCPU, -signal.SIGALRM)
_VIOLATION = -signal.SIGSYS
#: The most violations and traceback lines of one frame.
_MAX_ROWS = 50


@dataclass(frozen=True)
class SandboxLimits:
    """The limits of one call: wall-clock seconds, megabytes beyond Python's own memory, and calls of the host."""

    seconds: float = 2.0
    memory_mb: int = 64
    calls: int = wire.HOST_CALLS


@dataclass(frozen=True)
class Violation:
    """A place in a source that violates the policy."""

    line: int | None
    column: int | None
    message: str


class SourceRefused(SkillForbidden):
    """The source violates the policy."""

    def __init__(self, violations: list[Violation]) -> None:
        sentences = [f"line {one.line}: {one.message}" if one.line else one.message for one in violations]
        super().__init__("; ".join(sentences) or None, line=violations[0].line if violations else None)
        self.violations = violations


def lines_of(frame: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the log lines in a frame, without values that are not lines."""
    lines = frame.get("out")
    kept, left = [], 2 * wire.OUTPUT_CHARS
    for line in lines if type(lines) is list else ():
        if type(line) is not str or left <= 0:
            break
        kept.append(visible(line[:left]))
        left -= len(line) + 1
    return tuple(kept)


def error_of(frame: Mapping[str, Any], limits: SandboxLimits, source: str) -> SkillError:
    """Return the error that a last frame reports."""
    lines = lines_of(frame)
    match frame.get("t"):
        case "rejected":
            return SourceRefused(_violations(frame.get("violations")))
        case "limit" if frame.get("kind") == "memory":
            return SkillOutOfMemory(f"The skill used more than {limits.memory_mb} MB of memory.", log=lines)
        case "limit":
            return SkillFailed(f"The skill failed: {_text(frame.get('message'))}.", kind="output", log=lines)
        case "error":
            return _failure(frame, source, lines)
        case "exit":
            return _death(frame.get("code"), limits)
        case _:
            return SkillForbidden("The skill's process sent an unknown frame.", kind="violation")


def _death(code: Any, limits: SandboxLimits) -> SkillError:
    if code in _CPU:
        return SkillTimedOut(
            f"The skill used more than {limits.seconds:g} s of processor time and was stopped.", kind="cpu"
        )
    if code == _VIOLATION:
        return SkillForbidden("The skill tried to reach the system and was stopped by the kernel.", kind="violation")
    how = "ended without an answer" if code == 0 else "crashed"
    return SkillFailed(f"The skill's process {how}.", kind="crashed")


def _failure(frame: Mapping[str, Any], source: str, lines: tuple[str, ...]) -> SkillFailed:
    """Return the error of a skill that raised, with a traceback of its own lines."""
    text = source.splitlines()
    trace, last = [], None
    steps = frame.get("trace")
    for step in steps[:_MAX_ROWS] if type(steps) is list else ():
        if type(step) is list and len(step) == 2 and type(step[0]) is int and type(step[1]) is str:
            last = step[0]
            code = text[last - 1].strip() if 0 < last <= len(text) else ""
            trace.append(f"line {last}, in {_text(step[1])}\n    {code}")
    kind, message = _text(frame.get("type")), _text(frame.get("message"))
    described = ": ".join(filter(None, (kind, message))) or "an error without a message"
    where = f" in line {last}" if last else ""
    return SkillFailed(f"The skill failed{where}: {described}", line=last, log=lines, traceback="\n".join(trace))


def _violations(found: Any) -> list[Violation]:
    rows = [row for row in found[:_MAX_ROWS] if type(row) is list and len(row) == 3] if type(found) is list else []
    return [Violation(_number(line), _number(column), _text(message)) for line, column, message in rows]


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


def _text(value: Any) -> str:
    """Return a short text on one line from an untrusted process."""
    plain = "".join(sign if sign.isprintable() else " " for sign in value) if type(value) is str else ""
    return " ".join(plain.split())[:500]
