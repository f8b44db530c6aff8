"""Fetches pages for untrusted code, only from hosts that an operator allowed.

What a skill names is taken apart and put together again: http or https on its usual port, a name and never an address,
no login, no fragment. The name must be on the list of hosts. It is looked up once, every address found must be one of
the public internet, and the connection goes to exactly such an address: a name that changes its mind between look and
leap reaches nothing. Each redirect begins again at the top.

One deadline bounds everything, from the look-up to the last byte, and a page may not unpack to more than it may hold.
No cookie, no login, no proxy and no variable of the environment takes part.

A feed inside the operator's own network cannot be read this way, and no setting allows it: the guard would be worth
nothing if one could. Tests reach local servers by passing a look-up and a rule of their own.
"""

from __future__ import annotations

import errno
import functools
import http.client
import io
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urljoin

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ceos.clients.http.abandonable import AbandonableCall
from ceos.clients.http.ssrf import Address, Place, check_host, is_public, look_up, read_address
from ceos.domain import charset
from ceos.errors import HostRefused

#: How many redirects are followed.
REDIRECTS = 5
#: The longest head of an answer, in bytes.
HEAD_BYTES = 64 * 1024
#: More addresses of one name are not tried.
ADDRESSES = 4
#: Look-ups that may be under way at once in this process; the C library gives up on each after a while.
LOOK_UPS = 8

_MOVED = frozenset({301, 302, 303, 307, 308})
_TEXT_TYPE = re.compile(
    r"text/[\w.+-]+|application/(?:[\w.-]+\+)?(?:json|xml|javascript|ecmascript|x-javascript|x-ndjson|ndjson|yaml|x-yaml)"
)

_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)

_look_ups = AbandonableCall("ceos-look-up", LOOK_UPS)


@dataclass(frozen=True)
class FetchedPage:
    """The answer of an address."""

    status: int
    #: Where it was found, after redirects.
    url: str
    content_type: str
    body: bytes
    #: The label of the body's encoding if it is known without the host's word; see `domain.charset`.
    charset: str = ""

    @property
    def text(self) -> str:
        """The text of the body."""
        return charset.decode(self.body, self.content_type, charset=self.charset)


def get(
    url: str,
    *,
    hosts: Collection[str],
    max_bytes: int,
    deadline: float,
    only_text: bool = True,
    resolve: Callable[[str, int], Sequence[Place]] | None = None,
    is_allowed_address: Callable[[str], bool] | None = None,
    tls: ssl.SSLContext | None = None,
) -> FetchedPage:
    """Return the page at `url`; raises `HostRefused` with a sentence that a skill may read.

    `hosts` are names, or `*.example.net` for every name under that one. `max_bytes` bounds the body, packed and
    unpacked; `deadline` is in monotonic seconds. `only_text` refuses types that are not text, except a missing one; a
    feed may have any. The last three arguments are for tests only.
    """
    address = read_address(url)
    for _ in range(REDIRECTS + 1):
        check_host(address.host, hosts)
        with _answer(address, deadline, resolve or look_up, is_allowed_address or is_public, tls) as (answer, source):
            location = answer.getheader("Location") if answer.status in _MOVED else None
            if location is None:
                return _page(address, answer, source, max_bytes, only_text)
        address = _follow(address, location)
    raise HostRefused(f"{address.host} could not be fetched: it redirects more than {REDIRECTS} times.")


@dataclass(frozen=True)
class Reply:
    """A host's answer to one request."""

    status: int
    #: By names in lower case; of several with one name the last.
    headers: Mapping[str, str]
    body: bytes


def ask(
    url: str,
    *,
    hosts: Collection[str],
    max_bytes: int,
    deadline: float,
    headers: Mapping[str, str] | None = None,
    resolve: Callable[[str, int], Sequence[Place]] | None = None,
    is_allowed_address: Callable[[str], bool] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Return the answer of the host of `url` itself, of any type; `headers` are sent to it only.

    A redirect is returned and not followed, because `headers` are meant for this host alone. A
    request with a `Range` gets the first `max_bytes` also of a host that sends the whole. For the rest as `get`.
    """
    address = read_address(url)
    check_host(address.host, hosts)
    lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
    if any(not line.isascii() or not line.isprintable() for line in lines):
        raise HostRefused(f"{address.host} could not be fetched: a header contains a character that is not allowed.")
    allowed = is_allowed_address or is_public
    with _answer(address, deadline, resolve or look_up, allowed, tls, headers=lines) as (answer, source):
        told = {name.lower(): value for name, value in answer.getheaders()}
        if "Range" in (headers or {}):
            source.allowance = max_bytes + HEAD_BYTES
            return Reply(answer.status, told, answer.read(max_bytes))
        return Reply(answer.status, told, _read_body(answer, source, max_bytes))


# One request at a time


def _follow(address: Address, location: str) -> Address:
    # http.client reads heads as Latin-1, but bytes beyond ASCII there are UTF-8.
    location = location.encode("latin-1", "replace").decode("utf-8", "replace")
    try:
        onward = read_address(urljoin(address.url, location))
    except ValueError:
        raise HostRefused(f"{address.host} could not be fetched: it redirects to an unreadable address.") from None
    if address.scheme == "https" and onward.scheme == "http":
        raise HostRefused(f"{address.host} could not be fetched: it redirects from https to http.")
    return onward


def _places(
    address: Address,
    deadline: float,
    resolve: Callable[[str, int], Sequence[Place]],
    is_allowed_address: Callable[[str], bool],
) -> list[Place]:
    try:
        found = _look_ups.run(lambda: resolve(address.host, address.port), deadline)
    except TimeoutError:
        raise
    except (OSError, UnicodeError):
        found = []
    # One private address among them condemns the name. A name that leads nowhere gets the same sentence: a skill must
    # not learn which names exist inside.
    if not found or not all(is_allowed_address(place[0]) for _, place in found):
        raise HostRefused(f"{address.host} could not be fetched: the name leads to no address on the public internet.")
    return list(dict.fromkeys(found))[:ADDRESSES]


def _connect(places: Sequence[Place], deadline: float) -> socket.socket:
    """Connect to the first of the places that answers; each gets its share of the time left."""
    failure: OSError = TimeoutError()
    for index, place in enumerate(places):
        try:
            return _connect_to(place, _left(deadline) / (len(places) - index))
        except OSError as error:
            failure = error
    raise failure


def _connect_to(place: Place, seconds: float) -> socket.socket:
    family, where = place
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect(where)
    except BaseException:
        sock.close()
        raise
    return sock


@contextmanager
def _answer(
    address: Address,
    deadline: float,
    resolve: Callable[[str, int], Sequence[Place]],
    is_allowed_address: Callable[[str], bool],
    tls: ssl.SSLContext | None,
    *,
    headers: Sequence[str] = (),
) -> Iterator[tuple[http.client.HTTPResponse, _Source]]:
    """Request an address and yield the head of the answer; every error inside becomes a `HostRefused`."""
    try:
        sock = _connect(_places(address, deadline, resolve, is_allowed_address), deadline)
        with closing(sock):
            if address.scheme == "https":
                sock = (tls or _verifying()).wrap_socket(
                    sock, server_hostname=address.host, do_handshake_on_connect=False
                )
            with closing(sock):
                source = _Source(sock, deadline)
                _ask(sock, address, deadline, headers)
                answer = http.client.HTTPResponse(cast("socket.socket", source), method="GET")
                with closing(answer):
                    answer.begin()
                    yield answer, source
    except (OSError, http.client.HTTPException, zlib.error, ValueError, _Unacceptable) as error:
        raise HostRefused(f"{address.host} could not be fetched: {_cause(error)}.") from None


def _ask(sock: socket.socket, address: Address, deadline: float, headers: Sequence[str]) -> None:
    sock.settimeout(_left(deadline))
    if isinstance(sock, ssl.SSLSocket):
        sock.do_handshake()
    head = (
        f"GET {address.target} HTTP/1.1",
        f"Host: {address.host}",
        "User-Agent: ceos",
        "Accept: */*",
        "Accept-Encoding: gzip",
        "Connection: close",
        *headers,
    )
    sock.settimeout(_left(deadline))
    sock.sendall("\r\n".join((*head, "", "")).encode("ascii"))


@functools.cache
def _verifying() -> ssl.SSLContext:
    # Not create_default_context(): that one reads variables of the environment, for certificates and for a file that it
    # writes the keys of sessions to.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Unacceptable(Exception):
    """The answer of the host is not accepted."""


class _Source(io.RawIOBase):
    """The bytes of a connection, up to a deadline and a number; http.client reads from it as from a socket.

    A time-out of a socket is one for each read, so a host that sends a byte a second would never meet it.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self.allowance = HEAD_BYTES

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader of the bytes, as a socket would."""
        del mode
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the available bytes, waiting until the deadline at most."""
        self._sock.settimeout(_left(self._deadline))
        size = self._sock.recv_into(buffer)
        self.allowance -= size
        if self.allowance < 0:
            raise _Unacceptable("it sends too much")
        return size

    def check_time(self) -> None:
        """Raise `TimeoutError` when the deadline has passed."""
        _left(self._deadline)


def _page(
    address: Address, answer: http.client.HTTPResponse, source: _Source, max_bytes: int, only_text: bool
) -> FetchedPage:
    content_type = answer.getheader("Content-Type", "").encode("ascii", "replace").decode()[:200]
    kind = content_type.partition(";")[0].strip().lower()
    if only_text and kind and not _TEXT_TYPE.fullmatch(kind):
        raise _Unacceptable(f"it is {kind[:60]!r}, and only text is fetched")
    return FetchedPage(answer.status, address.url, content_type, _read_body(answer, source, max_bytes))


def _read_body(answer: http.client.HTTPResponse, source: _Source, max_bytes: int) -> bytes:
    packing = answer.getheader("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise _Unacceptable(f"it is packed as {packing[:20]!r}, which was not asked for")
    unpacker = _Unpacker(packing) if packing not in ("", "identity") else None
    # Chunks have framing, and incompressible data grows a little; a body of framing alone ends here.
    source.allowance = 2 * max_bytes + HEAD_BYTES
    body = bytearray()
    while piece := answer.read1(65536):
        source.check_time()
        body += unpacker.feed(piece, max_bytes + 1 - len(body)) if unpacker else piece
        if len(body) > max_bytes:
            raise _Unacceptable(f"the page is larger than {max_bytes:,} bytes")
    # http.client counts the remaining bytes and does not complain when they are missing.
    if answer.length or (unpacker and not unpacker.is_whole):
        raise http.client.IncompleteRead(b"")
    return bytes(body)


class _Unpacker:
    """Unpacks gzip or deflate as it arrives, never more than asked for at a time."""

    def __init__(self, packing: str) -> None:
        self._is_deflate = packing == "deflate"
        self._zlib = zlib.decompressobj(47)
        self._is_fresh = True

    @property
    def is_whole(self) -> bool:
        """Say whether the last piece ended the compressed stream."""
        return self._is_fresh or self._zlib.eof

    def feed(self, data: bytes, most: int) -> bytes:
        """Return up to `most` bytes of the unpacked `data`; a larger page is lost."""
        if self._is_fresh and self._is_deflate and data[0] & 0x0F != 8:
            # Some hosts send the bare stream where the standard wants the one with a head.
            self._zlib = zlib.decompressobj(-15)
        self._is_fresh = False
        unpacked = b""
        while data and len(unpacked) < most:
            if self._zlib.eof:
                if not data.startswith(b"\x1f\x8b"):
                    break
                self._zlib = zlib.decompressobj(47)
            unpacked += self._zlib.decompress(data, most - len(unpacked))
            data = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
        return unpacked


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cause(error: Exception) -> str:
    """Describe an error without details of this machine or its network."""
    if isinstance(error, _Unacceptable):
        return str(error)
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLError):
        return "its certificate could not be verified or the TLS handshake failed"
    if isinstance(error, ConnectionRefusedError) or getattr(error, "errno", None) in _UNREACHABLE:
        return "the connection could not be opened"
    if isinstance(error, OSError | http.client.IncompleteRead):
        return "the connection broke"
    return "its answer cannot be read"
