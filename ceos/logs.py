"""Structured logs: JSON lines for machines or text for a terminal, ids bound once, secrets redacted in every record.

A record carries a constant sentence for people, an `event` name for machines, and the ids that `bind` added: the
agent, the draft and the message.
"""

from __future__ import annotations

import contextvars
import functools
import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Literal, TextIO

from ceos.domain.text import visible

_bound: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("ceos_bound", default=MappingProxyType({}))
_known: set[str] = set()
# Not one pattern for all: with a secret for every agent, it would be tried at every character of every line. Longest
# first.
_plain: tuple[str, ...] = ()
#: Secrets with characters that JSON escapes.
_tricky: tuple[re.Pattern[str], ...] = ()

MASK = "[redacted]"

# The forms of unregistered secrets. Up to eight characters separate a name from its value, because JSON inside a JSON
# line has its quotes escaped.
_SHAPES = re.compile(
    r"(?i)((?:authorization\W{1,8}(?:bearer|key)|\bbearer)\s+|(?:x-api-key|api_?key|signer_uuid)\W{1,8})(?!redacted\])[\w.:+/=\-]{7,}[\w+/=\-]"
    r"|(\bkey\s+)[\w\-]{6,}:[\w\-]{6,}"
    r"|\bsk-or-[\w\-]{8,}"
)

#: The attributes of every log record; all others were added by `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def register_secret(value: str | None) -> None:
    """Redact `value` in every log line and error message of this process."""
    global _plain, _tricky  # noqa: PLW0603  # one process, one set of secrets
    if not value or len(value) < 6 or value in _known:
        return
    _known.add(value)
    pattern = "".join(map(_escaped_pattern, value))
    if pattern == re.escape(value):
        _plain = tuple(sorted((*_plain, value), key=len, reverse=True))
    else:
        _tricky = (*_tricky, re.compile(pattern))


@functools.cache
def _escaped_pattern(character: str) -> str:
    """Return a pattern of a character in plain form and escaped by JSON or a repr, to any depth of nesting."""
    forms = dict.fromkeys((character, json.dumps(character)[1:-1], ascii(character)[1:-1]))
    patterns = [r"\\+".join(map(re.escape, form.split("\\"))) for form in forms]
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def redact(text: str) -> str:
    """Return `text` with every registered secret, and every text in the form of one, masked."""
    for value in _plain:
        if value in text:
            text = text.replace(value, MASK)
    for pattern in _tricky:
        text = pattern.sub(MASK, text)
    return _SHAPES.sub(lambda match: (match[1] or match[2] or "") + MASK, text)


@contextmanager
def bind(**ids: str) -> Iterator[None]:
    """Add ids (agent, draft, message) to every record logged inside the block."""
    token = _bound.set({**_bound.get(), **ids})
    try:
        yield
    finally:
        _bound.reset(token)


def set_bound(ids: Mapping[str, str]) -> None:
    """Replace the ids bound in this context; for hooks that cannot use a `with` block."""
    _bound.set(ids)


class _Redacting(logging.Formatter):
    """Mixin that redacts the output of the other formatter, exceptions included."""

    def format(self, record: logging.LogRecord) -> str:
        for key, value in _bound.get().items():
            record.__dict__.setdefault(key, value)
        return redact(super().format(record))


class TextFormatter(_Redacting):
    """Formats one line for a terminal: time, level, sentence, fields in brackets; the traceback below, if any."""

    def __init__(self, *, tracebacks: bool = True) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
        self._tracebacks = tracebacks

    def formatException(self, ei: Any) -> str:  # noqa: N802  # overrides logging's name
        return super().formatException(ei) if self._tracebacks else ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # overrides logging's name
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD and key != "event"}
        # Untrusted text among them must not begin a line that looks like a log line.
        told = {key: " ".join(map(str, value)) if isinstance(value, list) else value for key, value in extra.items()}
        fields = " ".join(f"{key}={visible(str(value), keep='')}" for key, value in told.items())
        return super().formatMessage(record) + (f"  [{fields}]" if fields else "")


def json_formatter() -> logging.Formatter:
    """Return the formatter of one JSON object a line: time, level, logger, message, event and the bound ids."""
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415  # 70 ms that 'ceos --help' does not need

    class JsonLines(_Redacting, JsonFormatter):
        def __init__(self) -> None:
            JsonFormatter.__init__(
                self,
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
                datefmt="%Y-%m-%dT%H:%M:%S%z",
            )

    return JsonLines()


def configure(
    level: str, format: Literal["json", "text"], stream: TextIO | None = None, *, tracebacks: bool = True
) -> None:
    """Send all records of this process to `stream` (standard error by default) and nowhere else.

    `tracebacks=False` leaves tracebacks out of text, for a person at a terminal.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(json_formatter() if format == "json" else TextFormatter(tracebacks=tracebacks))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Their INFO lines repeat those of ceos or give an operator nothing to act on.
    for name in ("urllib3", "dramatiq", "uvicorn.access"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def event(name: str, **fields: Any) -> dict[str, Any]:
    """Return the `extra` of a record: its event name and its fields."""
    return {"event": name, **fields}
