"""One way to talk HTTP: pooled connections, time-outs always, errors translated once, no secret in a message.

Two rules decide what may be repeated. A request that the service certainly did not carry out, and any read, is repeated
here (three attempts, 1 s then 2 s apart with up to half a second of jitter, `Retry-After` honoured up to `PATIENCE`
seconds). A write whose outcome is unknown is never repeated here: it surfaces as `OutcomeUnknown`, and the ledger looks
before it sends again.

Worst case of one call: 3 attempts of (connect 5 s + its own time limit), and 2 waits of at most `PATIENCE` seconds.
A caller with a tighter limit says how many attempts there are, or when no further one may begin.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import math
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

import requests
import tenacity
import urllib3

from ceos.errors import KeyRefused, OutcomeUnknown, RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import redact

#: Seconds to wait for a connection.
CONNECT_SECONDS = 5.0
#: The longest wait between two attempts of one call; a service that asks for more is left to the queue.
PATIENCE = 8.0
#: The most that chance adds to a wait, so that many workers do not come back at once.
JITTER_SECONDS = 0.5
ATTEMPTS = 3
#: No answer of these services is larger; a larger one is refused unread.
MAX_BODY_BYTES = 16 * 1024 * 1024

#: What a request means for the service. "read" may be repeated. "write" must not happen twice. "billed" costs money
#: each time and leaves nothing behind: it is repeated when the service itself said that it failed.
Effect = Literal["read", "write", "billed"]

#: What reading a body may raise when the service breaks off, dawdles, or does not speak JSON.
UNREADABLE = (ValueError, RecursionError, requests.RequestException, urllib3.exceptions.HTTPError, OSError)

_local = threading.local()


@dataclass(frozen=True)
class Answer:
    """A successful answer: its status, headers and JSON body."""

    status: int
    headers: Mapping[str, str]
    body: Any


def _adapter() -> requests.adapters.HTTPAdapter:
    """Return this thread's connections; they stay open between calls, and nothing below us repeats a request.

    Requests go to the adapter directly: a session would keep cookies, let a .netrc entry replace our Authorization
    header, and merge settings that we do not have into every call.
    """
    existing: requests.adapters.HTTPAdapter | None = getattr(_local, "adapter", None)
    if existing is None:
        existing = requests.adapters.HTTPAdapter(max_retries=0, pool_connections=8, pool_maxsize=8)
        _local.adapter = existing
    return existing


class Content(TypedDict, total=False):
    """The query, the JSON body and the further headers of a request."""

    params: Mapping[str, Any] | None
    body: Any
    headers: Mapping[str, str] | None


class Api:
    """One vendor's API: a base URL, the headers that carry the key, and its name in messages."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        key: str | None,
        key_variable: str,
        headers: Callable[[str], Mapping[str, str]],
        sleep: Callable[[float], None] = time.sleep,
        connect_seconds: float = CONNECT_SECONDS,
        before_request: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._key = key
        self._key_variable = key_variable
        self._headers = headers
        self._sleep = sleep
        self._connect_seconds = connect_seconds
        #: Called before each request is sent; an error that it raises prevents the request.
        self._before_request = before_request

    def call(
        self,
        method: str,
        path: str,
        *,
        task: str,
        effect: Effect,
        seconds: float = 20.0,
        attempts: int = ATTEMPTS,
        begin_within: float = math.inf,
        **content: Unpack[Content],
    ) -> Answer:
        """Send one request and return the JSON answer; `path` may be an absolute URL.

        `task` names the request in messages ("publish a cast"); `seconds` bounds one attempt after connecting, and no
        further attempt begins once `begin_within` seconds have passed. Raises a `ServiceError`: `RateLimited` or
        `ServiceUnavailable` when it was not carried out, `OutcomeUnknown` when it may have been, `RequestRefused` or
        `KeyRefused` when repeating will not help.
        """

        return self.repeat(
            lambda: self.send(method, path, task=task, effect=effect, seconds=seconds, **content),
            effect=effect,
            attempts=attempts,
            begin_within=begin_within,
        )

    def send(
        self, method: str, path: str, *, task: str, effect: Effect, seconds: float = 20.0, **content: Unpack[Content]
    ) -> Answer:
        """Send one request once and return the JSON answer; errors as for `call`."""
        deadline = time.monotonic() + self._connect_seconds + seconds
        with self.open(method, path, task=task, effect=effect, seconds=seconds, **content) as response:
            answer = self._json(response, task, effect, deadline)
            self._inspect(answer, task, effect)
            return Answer(response.status_code, response.headers, answer)

    def repeat(
        self,
        attempt: Callable[[], Answer],
        *,
        effect: Effect,
        attempts: int = ATTEMPTS,
        begin_within: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> Answer:
        """Return the answer of an attempt, which is made again as long as its error and the limits of `call` allow."""
        begun = clock()

        def is_over(state: tenacity.RetryCallState) -> bool:
            late = clock() - begun + state.upcoming_sleep >= begin_within
            return late or state.attempt_number >= attempts

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = getattr(error, "retry_after", None)
            if asked is not None:
                return float(asked)
            return min(2.0 ** (state.attempt_number - 1), PATIENCE) + JITTER_SECONDS * chance()

        retrying = tenacity.Retrying(
            stop=is_over,
            wait=wait,
            retry=tenacity.retry_if_exception(lambda error: _may_repeat(error, effect)),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(attempt)

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        task: str,
        effect: Effect,
        seconds: float = 20.0,
        **content: Unpack[Content],
    ) -> Iterator[requests.Response]:
        """Send one request once and yield its unread 2xx response; errors as for `call`."""
        request = self._prepare(method, path, task, content)
        if self._before_request:
            self._before_request()
        deadline = time.monotonic() + self._connect_seconds + seconds
        try:
            response = _adapter().send(request, stream=True, timeout=(self._connect_seconds, seconds))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._transport_error(error, task, effect) from None
        try:
            if not 200 <= response.status_code < 300:
                raise self._error(response, task, effect, deadline)
            yield response
        finally:
            response.close()

    def _prepare(
        self,
        method: str,
        path: str,
        task: str,
        content: Content,
    ) -> requests.PreparedRequest:
        key = self._usable_key(task)
        sent = {
            "User-Agent": "ceos",
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
            **self._headers(key),
            **(content.get("headers") or {}),
        }
        data, body = None, content.get("body")
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body, allow_nan=False).encode()
        request = requests.PreparedRequest()
        try:
            request.prepare(
                method=method,
                url=path if path.startswith(("http://", "https://")) else self.base_url + path,
                headers=sent,
                params=content.get("params"),
                data=data,
            )
        except requests.RequestException:
            raise self._no_address() from None
        return request

    def _usable_key(self, task: str) -> str:
        if not self._key:
            raise KeyRefused(
                f"{self._key_variable} is not set, so {self.name} cannot be asked to {task}: put the key into the "
                "environment or into .env, or try 'ceos demo', which needs no key."
            )
        if not (self._key.isascii() and self._key.isprintable()) or self._key != self._key.strip():
            raise KeyRefused(
                f"{self._key_variable} holds a space at an end, a line break or a character that no key has, so "
                f"{self.name} cannot be asked to {task}: copy the key again."
            )
        return self._key

    def _no_address(self) -> RequestRefused:
        return RequestRefused(f"{self.name} has no usable address: {self.base_url!r} is not an http(s) URL.")

    def _transport_error(self, error: Exception, task: str, effect: Effect) -> ServiceError:
        if isinstance(error, requests.exceptions.InvalidURL | urllib3.exceptions.LocationValueError):
            return self._no_address()
        if effect == "read" or _never_left(error):
            return ServiceUnavailable(f"{self.name} could not be reached to {task}: {_cause(error)}.")
        return OutcomeUnknown(f"{self.name} gave no answer when asked to {task}: {_cause(error)}.")

    def _json(self, response: requests.Response, task: str, effect: Effect, deadline: float) -> Any:
        try:
            return json.loads(read_body(response, deadline))
        except UNREADABLE as error:
            message = f"{self.name} gave an unreadable answer when asked to {task}: {_cause(error)}."
            kind = ServiceUnavailable if effect == "read" else OutcomeUnknown
            raise kind(message, status=response.status_code) from None

    def _inspect(self, body: Any, task: str, effect: Effect) -> None:
        """Raise the error that a 2xx answer holds; for services that report failures in this way."""

    def _error(self, response: requests.Response, task: str, effect: Effect, deadline: float) -> ServiceError:
        try:
            body = json.loads(read_body(response, deadline))
        except UNREADABLE:
            body = None
        return self._refusal(response.status_code, body, task, effect, retry_after_seconds(response.headers))

    def _refusal(self, status: int, body: Any, task: str, effect: Effect, retry_after: float | None) -> ServiceError:
        """Return the error that a status and an error body mean; for services that say more than the status does."""
        words = redact(explain(body)) if body is not None else ""
        message = f"{self.name} answered {status} when asked to {task}" + (f": {words}" if words else ".")
        return error_for(status, message, effect, retry_after=retry_after)


def error_for(status: int, message: str, effect: Effect, *, retry_after: float | None = None) -> ServiceError:
    """Return the error that an HTTP status means for a request of this effect."""
    if status == 429:
        return RateLimited(message, status=status, retry_after=retry_after)
    if status in (401, 402, 403):
        return KeyRefused(message, status=status)
    if status in (408, 409, 425) or status >= 500:
        if effect == "write":
            return OutcomeUnknown(message, status=status)
        if status == 409:
            return RequestRefused(message, status=status)
        return ServiceUnavailable(message, status=status, retry_after=retry_after)
    return RequestRefused(message, status=status)


def explain(body: Any) -> str:
    """Return the vendor's own words in an error body of any of the known shapes, at most 300 characters."""
    words: Any = body
    if isinstance(body, dict):
        error = body.get("error")
        nested = error.get("message") if isinstance(error, dict) else error
        words = body.get("message") or body.get("detail") or nested
    if isinstance(words, list):
        words = "; ".join(str(item.get("msg", item)) if isinstance(item, dict) else str(item) for item in words[:3])
    return " ".join(str(words or "").split())[:300]


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After` header, a number or an HTTP date, or None (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        # Python reads "nan" and "inf" as numbers, but they are no durations.
        return max(0.0, float(value)) if math.isfinite(float(value)) else None
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())


def read_body(response: requests.Response, deadline: float) -> bytes:
    """Read the whole body before `deadline` (monotonic seconds); one that drips for ever or has no end is refused."""
    chunks: list[bytes] = []
    size = 0
    for chunk in body_chunks(response, deadline):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise ValueError(f"the answer is larger than {MAX_BODY_BYTES} bytes")
    return b"".join(chunks)


def body_chunks(response: requests.Response, deadline: float, silence: float = math.inf) -> Iterator[bytes]:
    """Yield the body as it arrives; raises when it is not over by `deadline` or nothing comes for `silence` seconds."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        # The time-out of the connection is one for each read; without this, the last read could begin just before the
        # deadline and last as long again.
        sock = getattr(response.raw.connection, "sock", None)
        if sock is not None:
            sock.settimeout(min(left, silence))
        chunk = response.raw.read1(65536, decode_content=True)
        if not chunk:
            return
        yield chunk


def _may_repeat(error: BaseException, effect: Effect) -> bool:
    if isinstance(error, RateLimited | ServiceUnavailable):
        return (error.retry_after or 0.0) <= PATIENCE
    return isinstance(error, OutcomeUnknown) and effect == "read"


def _never_left(error: BaseException) -> bool:
    """Say whether the request certainly never reached the service: no connection, no name, no trusted certificate."""
    link: BaseException | None = error
    seen = 0
    while link is not None and seen < 8:
        if isinstance(
            link,
            requests.exceptions.ConnectTimeout
            | urllib3.exceptions.NewConnectionError
            | urllib3.exceptions.ConnectTimeoutError
            | ssl.SSLCertVerificationError,
        ):
            return True
        inner = link.args[0] if link.args and isinstance(link.args[0], BaseException) else None
        link = getattr(link, "reason", None) if isinstance(getattr(link, "reason", None), BaseException) else inner
        seen += 1
    return False


def _cause(error: BaseException) -> str:
    """Name a transport failure without repeating the URL, which may carry a secret."""
    if _never_left(error) and not isinstance(error, requests.exceptions.SSLError):
        return "the connection could not be opened"
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.SSLError | ssl.SSLError):
        return "its certificate could not be verified or the TLS handshake failed"
    if isinstance(error, requests.exceptions.ConnectionError | urllib3.exceptions.ProtocolError | OSError):
        return "the connection broke"
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    return redact(str(error))[:200] if isinstance(error, ValueError) else type(error).__name__
