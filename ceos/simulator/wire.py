"""Requests and replies of the services.

A service is a set of plain functions from `Request` to `Reply`. The reply describes the parts that need
an event loop (delays, a cut connection, an effect after the client has disconnected), and the app performs them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"

#: The check for circular references costs a third of the encoding, and answers have none.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def dump(value: object) -> bytes:
    """Compact JSON as bytes."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        # A request may contain a lone surrogate as an escape; an answer that quotes it must still be encodable.
        return json.dumps(value).encode()


@dataclass(slots=True)
class Later:
    """An effect that takes place even if the client disconnects."""

    seconds: float
    effect: Callable[[], Reply]
    #: Drop the connection this long after the request; None keeps it open until the effect has its reply.
    cut_after: float | None = None


@dataclass(slots=True)
class Reply:
    """One answer and its delivery."""

    status: int = 200
    body: bytes = b""
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    delay: float = 0.0
    #: Close the connection instead of answering.
    cut: bool = False
    #: Sent one by one instead of the body, `pause` seconds apart, without a length.
    chunks: list[bytes] | None = None
    pause: float = 0.0
    later: Later | None = None


class Refusal(Exception):
    """A request is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; header names are written with underscores."""
    pairs = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Reply(status, dump(value), headers=pairs)


class Request:
    """One request, parsed on demand."""

    def __init__(self, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.method = method
        self.path = path
        self.body = body
        self._query = query
        self._headers = headers

    def header(self, name: bytes) -> str:
        """The value of a header given in lower case, or an empty string."""
        for key, value in self._headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query string, every value of every key."""
        return parse_qs(self._query.decode("latin-1"), keep_blank_values=True)

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def params(self, name: str) -> list[str]:
        """A list parameter, whether its values are repeated or separated by commas."""
        return [part for value in self.query.get(name, []) for part in value.split(",") if part]

    def flag(self, name: str, default: bool) -> bool:
        """A boolean query parameter."""
        return self.param(name, "true" if default else "false").lower() in {"true", "1"}

    def json(self) -> Any:
        """The body as JSON; ValueError for any other body."""
        return json.loads(self.body) if self.body else None

    @property
    def origin(self) -> str:
        """Scheme, host and port the client used, for URLs in answers."""
        return f"http://{self.header(b'host') or '127.0.0.1'}"


Handler = Callable[[Request], Reply]
Routes = dict[tuple[str, str], Handler]
