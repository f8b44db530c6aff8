"""Structured logs: JSON lines for machines or text for a terminal, ids bound once, secrets redacted in every record.

A record carries a constant sentence for people, an `event` name for machines, and whatever `bind` put around it:
the agent, the draft and the message.
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
# One for every agent, so no single pattern, which would be tried at every sign of every line. Longest first.
_plain: tuple[str, ...] = ()
#: Those with signs that JSON escapes.
_tricky: tuple[re.Pattern[str], ...] = ()

MASK = "[redacted]"

# Values that give themselves away by their form, for the secrets nobody registered. Between a name and its value stand
# up to eight signs, for JSON inside a JSON line has its quotes escaped.
_SHAPES = re.compile(
    r"(?i)((?:authorization\W{1,8}(?:bearer|key)|\bbearer)\s+|(?:x-api-key|api_?key|signer_uuid)\W{1,8})(?!redacted\])[\w.:+/=\-]{7,}[\w+/=\-]"
    r"|(\bkey\s+)[\w\-]{6,}:[\w\-]{6,}"
    r"|\bsk-or-[\w\-]{8,}"
)

#: The attributes every log record has; whatever else a record carries came in by `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def register_secret(value: str | None) -> None:
    """Make sure that `value` never appears in a log line or an error message of this process."""
    global _plain, _tricky  # noqa: PLW0603  # one process, one set of secrets
    if not value or len(value) < 6 or value in _known:
        return
    _known.add(value)
    pattern = "".join(map(_however_escaped, value))
    if pattern == re.escape(value):
        _plain = tuple(sorted((*_plain, value), key=len, reverse=True))
    else:
        _tricky = (*_tricky, re.compile(pattern))


@functools.cache
def _however_escaped(sign: str) -> str:
    """Return a pattern for a sign as it is and as JSON or a repr escape it, however often one is inside another."""
    forms = dict.fromkeys((sign, json.dumps(sign)[1:-1], ascii(sign)[1:-1]))
    patterns = [r"\\+".join(map(re.escape, form.split("\\"))) for form in forms]
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def redact(text: str) -> str:
    """Return `text` with every registered secret, and everything shaped like one, masked."""
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
    """Mixin: whatever the other formatter made of the record, exceptions included, leaves without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        for key, value in _bound.get().items():
            record.__dict__.setdefault(key, value)
        return redact(super().format(record))


class TextFormatter(_Redacting):
    """One line for a terminal: time, level, sentence, then the fields in brackets; a traceback below if wanted."""

    def __init__(self, *, tracebacks: bool = True) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
        self._tracebacks = tracebacks

    def formatException(self, ei: Any) -> str:  # noqa: N802  # overrides logging's name
        return super().formatException(ei) if self._tracebacks else ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # overrides logging's name
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD and key != "event"}
        # A stranger's words may be among them, and must not begin a line that looks like ours.
        fields = " ".join(f"{key}={visible(str(value), keep='')}" for key, value in extra.items())
        return super().formatMessage(record) + (f"  [{fields}]" if fields else "")


def json_formatter() -> logging.Formatter:
    """Return the formatter of one JSON object a line: time, level, logger, message, event and the bound ids."""
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415  # 70 ms that 'ceos --help' need not pay

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
    """Send all records of this process to `stream` (standard error by default), replacing what was set up.

    `tracebacks` of False keeps those out of text, for a person at a terminal.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(json_formatter() if format == "json" else TextFormatter(tracebacks=tracebacks))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Their INFO lines repeat ours or say nothing an operator can act on.
    for name in ("urllib3", "dramatiq", "uvicorn.access"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def event(name: str, **fields: Any) -> dict[str, Any]:
    """Return the `extra` of a record: its event name and its fields."""
    return {"event": name, **fields}
