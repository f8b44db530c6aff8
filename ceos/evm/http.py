"""Sends JSON to one node over HTTP, bounded in time and size; errors tell whether a request may have been sent."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import certifi
import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, LocationValueError

#: A longer answer is not read.
MAX_BODY_BYTES = 16 * 1024 * 1024


class ExchangeFailed(Exception):
    """No usable answer came; the message is the cause, without the URL, which may hold a key."""

    def __init__(
        self, cause: str, *, may_be_sent: bool = True, is_timeout: bool = False, is_bad_url: bool = False
    ) -> None:
        super().__init__(cause)
        self.may_be_sent = may_be_sent
        self.is_timeout = is_timeout
        self.is_bad_url = is_bad_url


class Unreadable(ExchangeFailed):
    """An answer came, and its body is not JSON, too long or too late."""


@dataclass(frozen=True)
class HttpAnswer:
    """The answer of a node."""

    status: int
    #: The seconds of its `Retry-After` header, if any.
    retry_after: float | None
    #: The decoded JSON; None for a failure with another body.
    body: Any

    @property
    def is_success(self) -> bool:
        """Say whether its status is 2xx."""
        return 200 <= self.status < 300


class NodeConnection:
    """The connections of this process to one node; nothing here repeats or redirects a request."""

    def __init__(self, url: str, *, connect_seconds: float, read_seconds: float) -> None:
        self._url = url
        self._seconds = connect_seconds + read_seconds
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=8, retries=False, ca_certs=certifi.where())

    def post(self, body: Any) -> HttpAnswer:
        """Send a request once and return the answer; raises `ExchangeFailed`."""
        deadline = time.monotonic() + self._seconds
        data = json.dumps(body, allow_nan=False).encode()
        try:
            if urlsplit(self._url).scheme not in ("http", "https"):
                raise LocationValueError
            response = self._pool.request(
                "POST", self._url, body=data, headers=_headers(self._url), timeout=self._timeout,
                redirect=False, preload_content=False,
            )  # fmt: skip
        except ValueError:
            # urllib3's own errors about addresses are of this kind, too.
            raise ExchangeFailed("it is not an http(s) URL", may_be_sent=False, is_bad_url=True) from None
        except HTTPError as error:
            raise _transport_failure(error) from None
        try:
            content = _decoded(response, deadline)
        except Unreadable:
            response.close()
            if 200 <= response.status < 300:
                raise
            content = None
        finally:
            response.release_conn()
        return HttpAnswer(response.status, _retry_after(response), content)


def _headers(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    sent = {"User-Agent": "ceos", "Accept-Encoding": "gzip, deflate", "Content-Type": "application/json"}
    if parts.username is not None:
        sent |= urllib3.make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    return sent


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    try:
        return urllib3.Retry().get_retry_after(response)
    except InvalidHeader:
        return None


def _decoded(response: urllib3.BaseHTTPResponse, deadline: float) -> Any:
    try:
        return json.loads(_read(response, deadline))
    except (ValueError, RecursionError):
        raise Unreadable("it is not JSON") from None
    except (HTTPError, OSError) as error:
        is_timeout = isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError)
        raise Unreadable(_cause(error), is_timeout=is_timeout) from None


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        # The time-out of a connection is one for each read: the last one could last as long again.
        if (sock := getattr(response.connection, "sock", None)) is not None:
            sock.settimeout(left)
        chunk = response.read1(65536, decode_content=True)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise Unreadable(f"it is larger than {MAX_BODY_BYTES} bytes")


def _transport_failure(error: HTTPError) -> ExchangeFailed:
    is_certificate = bool(error.args) and isinstance(error.args[0], ssl.SSLCertVerificationError)
    never_sent = is_certificate or isinstance(error, urllib3.exceptions.ConnectTimeoutError)
    is_timeout = isinstance(error, urllib3.exceptions.ReadTimeoutError)
    return ExchangeFailed(_cause(error), may_be_sent=not never_sent, is_timeout=is_timeout)


def _cause(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "the connection could not be opened"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return "it did not answer in time"
    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
        return "its certificate could not be verified or the TLS handshake failed"
    return "the connection broke"
