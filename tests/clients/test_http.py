"""The shared HTTP layer against a real socket: what counts as sent, what is repeated, and what a message may say."""

from __future__ import annotations

import datetime as dt
import email.utils
import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from ceos.clients.http.api import Api, Effect, body_chunks, error_for, explain, retry_after_seconds
from ceos.errors import KeyRefused, OutcomeUnknown, RateLimited, RequestRefused, ServiceError, ServiceUnavailable

KEY = "sk-or-v1-a-very-secret-key"

#: What the server does with a connection once it has read a request; returns whether the connection stays open.
Act = Callable[[socket.socket], bool]


def send(status: int = 200, body: bytes = b'{"ok": true}', *headers: str) -> Act:
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", *headers, "", ""]

    def act(connection: socket.socket) -> bool:
        connection.sendall("\r\n".join(lines).encode() + body)
        return True

    return act


def send_raw(data: bytes) -> Act:
    def act(connection: socket.socket) -> bool:
        connection.sendall(data)
        return False

    return act


def hang_up(connection: socket.socket) -> bool:
    return False


def reset(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def drip(connection: socket.socket) -> bool:
    """Send a byte every 50 ms until the client has had enough."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    pause = threading.Event()
    try:
        while not pause.wait(0.05):
            connection.sendall(b" ")
    except OSError:
        return False


def stall_after(data: bytes) -> Act:
    """Send `data` and then nothing until the client hangs up."""

    def act(connection: socket.socket) -> bool:
        connection.sendall(data)
        connection.recv(1)
        return False

    return act


class Server:
    """Acts out the script, one act per request, the last one for ever; counts connections and keeps the requests."""

    def __init__(self, *script: Act) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake accept().
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while request := _read_request(connection):
                self.requests.append(request)
                act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if not act(connection):
                    return


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        while lengths and len(body) < int(lengths[0]):
            body += connection.recv(65536)
    except OSError:
        return b""
    return head + b"\r\n\r\n" + body


def make_api(url: str, *, key: str | None = KEY, slept: list[float] | None = None) -> Api:
    return Api(
        "Vendor",
        url,
        key=key,
        key_variable="VENDOR_KEY",
        headers=lambda key: {"Authorization": f"Bearer {key}"},
        sleep=(slept if slept is not None else []).append,
        connect_seconds=0.1,
    )


def ask(api: Api, effect: Effect = "write", *, seconds: float = 5.0, **options: Any) -> Any:
    body = None if effect == "read" else {"text": "gm"}
    method = "GET" if effect == "read" else "POST"
    return api.call(method, "/thing", task="do a thing", effect=effect, body=body, seconds=seconds, **options).body


@contextmanager
def free_port() -> Iterator[int]:
    """A port that is taken and does not listen: connections to it are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_request_carries_the_key_and_the_json_body():
    with Server(send()) as server:
        assert ask(make_api(server.url)) == {"ok": True}
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /thing HTTP/1.1")
    assert b"Authorization: Bearer " + KEY.encode() in head
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {"text": "gm"}


def test_parameters_are_encoded_and_an_absolute_address_is_taken_as_it_is():
    with Server(send()) as server:
        api = make_api("http://nowhere.invalid")
        api.call("GET", server.url + "/x?a=1", task="look", effect="read", params={"q": "a b&c"})
    assert server.requests[0].startswith(b"GET /x?a=1&q=a+b%26c HTTP/1.1")


@pytest.mark.parametrize("status", [200, 201, 404])
def test_the_connection_stays_open_between_calls(status):
    with Server(send(status)) as server:
        for _ in range(3):
            try:
                ask(make_api(server.url))
            except RequestRefused:
                assert status == 404
        assert server.connections == 1


def test_a_cookie_is_never_sent_back():
    with Server(send(200, b"{}", "Set-Cookie: track=me")) as server:
        ask(make_api(server.url))
        ask(make_api(server.url))
    assert b"track" not in server.requests[1]


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param("Transfer-Encoding: chunked", chunked(b'{"a"', b": 1}"), id="in chunks"),
        pytest.param("Transfer-Encoding: chunked", chunked(b"\n \n", b'{"a": 1}'), id="after keep-alive blanks"),
        pytest.param("Connection: close", b'{"a": 1}', id="until the connection ends"),
        pytest.param(
            "Transfer-Encoding: chunked\r\nContent-Encoding: gzip",
            chunked(*(bytes([byte]) for byte in gzip.compress(b'{"a": 1}'))),
            id="gzip that comes byte by byte",
        ),
    ],
)
def test_a_body_is_read_however_it_is_framed(headers, body):
    with Server(send_raw(f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body)) as server:
        assert ask(make_api(server.url)) == {"a": 1}


# --- what was certainly not carried out, and what may have been ---


@pytest.mark.parametrize("effect", ["read", "write", "billed"])
def test_a_refused_connection_was_certainly_not_sent_and_is_tried_three_times(effect):
    slept: list[float] = []
    with free_port() as port, pytest.raises(ServiceUnavailable, match="the connection could not be opened"):
        ask(make_api(f"http://127.0.0.1:{port}", slept=slept), effect)
    assert len(slept) == 2
    assert 1.0 <= slept[0] <= 1.5
    assert 2.0 <= slept[1] <= 2.5


def test_an_unknown_name_was_certainly_not_sent():
    with pytest.raises(ServiceUnavailable, match="the connection could not be opened"):
        ask(make_api("http://does-not-exist.invalid"))


def test_a_connection_that_is_not_answered_was_certainly_not_sent():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:  # the kernel drops further connections once the backlog is full
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        with pytest.raises(ServiceUnavailable, match="the connection could not be opened"):
            ask(make_api(f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(hang_up, "the connection broke", id="hung up after reading"),
        pytest.param(reset, "the connection broke", id="reset after reading"),
        pytest.param(stall_after(b""), "did not answer in time", id="silent"),
        pytest.param(stall_after(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"), "did not answer in time", id="silent in headers"),
        pytest.param(send(200, b"<html>"), "it is not JSON", id="not JSON"),
        pytest.param(send(200, b'\xff"'), "codec", id="not UTF-8"),
        pytest.param(send(200, b"[" * 100_000), "RecursionError", id="nested without end"),
        pytest.param(send(200, b""), "it is not JSON", id="empty"),
        pytest.param(
            send_raw(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"ok": true}'),
            "the connection broke",
            id="cut short",
        ),
        pytest.param(
            send_raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
            "DecodeError",
            id="bad gzip",
        ),
        pytest.param(
            stall_after(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"ok"'),
            "did not answer in time",
            id="stalled body",
        ),
        pytest.param(drip, "did not answer in time", id="dripping body"),
        pytest.param(send_raw(b"SMTP ready\r\n\r\n"), "the connection broke", id="not HTTP"),
    ],
)
@pytest.mark.parametrize("effect", ["write", "billed"])
def test_a_write_without_a_readable_answer_is_unknown_and_never_repeated(act, words, effect):
    with Server(act) as server:
        with pytest.raises(OutcomeUnknown, match=words):
            ask(make_api(server.url), effect, seconds=0.2)
        assert len(server.requests) == 1


@pytest.mark.parametrize("act", [hang_up, reset, send(200, b"<html>"), send(500), send(408), send(425), send(529)])
def test_a_read_is_repeated_whatever_happened(act):
    with Server(act, act, send()) as server:
        assert ask(make_api(server.url), "read") == {"ok": True}
        assert len(server.requests) == 3


def test_a_dripping_or_stalling_body_ends_at_the_deadline():
    for act in (drip, stall_after(b"HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\n")):
        with Server(act) as server:
            begun = time.monotonic()
            with pytest.raises(OutcomeUnknown):
                ask(make_api(server.url), seconds=0.3)
            assert time.monotonic() - begun < 30


def test_a_silence_ends_a_stream_long_before_its_deadline():
    with Server(stall_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")) as server:
        api, begun = make_api(server.url), time.monotonic()
        with api.open("GET", "/", task="listen", effect="read", seconds=60) as response:
            chunks = body_chunks(response, begun + 60, silence=0.05)
            assert next(chunks) == b"abc"
            with pytest.raises(urllib3.exceptions.ReadTimeoutError):
                next(chunks)
        assert time.monotonic() - begun < 30


def test_a_body_without_end_is_refused():
    with (
        Server(send(200, b" " * (17 * 1024 * 1024))) as server,
        pytest.raises(OutcomeUnknown, match="larger than 16777216 bytes"),
    ):
        ask(make_api(server.url))


# --- statuses ---


@pytest.mark.parametrize(
    ("status", "read", "write", "billed"),
    [
        (302, RequestRefused, RequestRefused, RequestRefused),
        (400, RequestRefused, RequestRefused, RequestRefused),
        (401, KeyRefused, KeyRefused, KeyRefused),
        (402, KeyRefused, KeyRefused, KeyRefused),
        (403, KeyRefused, KeyRefused, KeyRefused),
        (404, RequestRefused, RequestRefused, RequestRefused),
        (408, ServiceUnavailable, OutcomeUnknown, ServiceUnavailable),
        (409, RequestRefused, OutcomeUnknown, RequestRefused),
        (422, RequestRefused, RequestRefused, RequestRefused),
        (425, ServiceUnavailable, OutcomeUnknown, ServiceUnavailable),
        (429, RateLimited, RateLimited, RateLimited),
        (500, ServiceUnavailable, OutcomeUnknown, ServiceUnavailable),
        (503, ServiceUnavailable, OutcomeUnknown, ServiceUnavailable),
        (529, ServiceUnavailable, OutcomeUnknown, ServiceUnavailable),
    ],
)
def test_what_a_status_means_depends_on_the_effect(status, read, write, billed):
    found = [error_for(status, "", "read"), error_for(status, "", "write"), error_for(status, "", "billed")]
    assert [type(error) for error in found] == [read, write, billed]
    assert {error.status for error in found} == {status}


def test_a_redirect_is_not_followed():
    with Server(send(302, b"", "Location: /elsewhere")) as server:
        with pytest.raises(RequestRefused, match="Vendor answered 302 when asked to do a thing"):
            ask(make_api(server.url))
        assert len(server.requests) == 1


@pytest.mark.parametrize(("effect", "sent"), [("read", 3), ("write", 1), ("billed", 3)])
def test_a_500_is_repeated_only_where_that_is_safe(effect, sent):
    with Server(send(500, b'{"message": "oops"}')) as server:
        with pytest.raises(ServiceError, match="Vendor answered 500 when asked to do a thing: oops"):
            ask(make_api(server.url), effect)
        assert len(server.requests) == sent


def test_retry_after_is_honoured_for_a_write_too():
    slept: list[float] = []
    with Server(send(429, b"{}", "Retry-After: 3"), send()) as server:
        assert ask(make_api(server.url, slept=slept)) == {"ok": True}
    assert slept == [3.0]


def test_a_longer_wait_than_our_patience_is_left_to_the_queue():
    slept: list[float] = []
    with Server(send(429, b"{}", "Retry-After: 60")) as server:
        with pytest.raises(RateLimited) as caught:
            ask(make_api(server.url, slept=slept))
        assert len(server.requests) == 1
    assert caught.value.retry_after == 60.0
    assert slept == []


def test_the_caller_may_allow_fewer_attempts():
    with Server(send(503)) as server:
        with pytest.raises(ServiceUnavailable):
            ask(make_api(server.url), "billed", attempts=1)
        with pytest.raises(ServiceUnavailable):
            ask(make_api(server.url), "billed", begin_within=0.5)
        assert len(server.requests) == 2


NEXT_CENTURY = email.utils.format_datetime(dt.datetime(2126, 1, 1, tzinfo=dt.UTC), usegmt=True)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("1.5", 1.5, 1.5),
        ("-3", 0, 0),
        (NEXT_CENTURY, 1e9, 1e10),
        (NEXT_CENTURY.replace("GMT", "-0000"), 1e9, 1e10),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, least, most):
    seconds = retry_after_seconds({"Retry-After": value})
    assert seconds is not None
    assert least <= seconds <= most


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "1e999", "Wed, 99 Oct 2015"])
def test_a_retry_after_that_means_nothing_is_ignored(value):
    assert retry_after_seconds({"Retry-After": value}) is None
    assert retry_after_seconds({}) is None


# --- messages ---


def test_a_missing_key_names_its_variable_and_the_way_out():
    with pytest.raises(KeyRefused, match=r"VENDOR_KEY is not set.*'ceos demo'"):
        ask(make_api("http://127.0.0.1:9", key=None))


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", f"{KEY}\r\nX-Evil: 1", "schlüssel-aus-gold", "key\u2028key"])
def test_a_key_that_cannot_be_a_header_is_refused_unsent_and_unsaid(key):
    with Server(send()) as server:
        with pytest.raises(KeyRefused, match="VENDOR_KEY holds") as caught:
            ask(make_api(server.url, key=key))
        assert server.requests == []
    assert key.strip() not in str(caught.value)


@pytest.mark.parametrize("url", ["", "localhost", "http://", "ftp://x", "http://[", "http://a b", "http://" + "x" * 70])
def test_an_unusable_address_is_not_repeated(url):
    slept: list[float] = []
    with pytest.raises((RequestRefused, ServiceUnavailable)):
        ask(make_api(url, slept=slept))


def test_no_message_repeats_the_key_or_the_address():
    acts = [hang_up, send(500, f'{{"message": "bad Authorization: Bearer {KEY}"}}'.encode()), send(200, b"<html>")]
    for act in acts:
        with Server(act) as server:
            with pytest.raises(ServiceError) as caught:
                ask(make_api(server.url), params={"token": "hush-hush"})
            assert KEY not in str(caught.value)
            assert "hush-hush" not in str(caught.value)
            assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "m"}, "m"),
        ({"error": {"message": "m"}}, "m"),
        ({"error": "m"}, "m"),
        ({"detail": "m"}, "m"),
        ({"detail": [{"msg": "m", "loc": ["body"]}, "n"]}, "m; n"),
        (["m"], "m"),
        ("two\n  lines", "two lines"),
        ({"error": None}, ""),
        (None, ""),
        ({"message": "x" * 999}, "x" * 300),
    ],
)
def test_the_vendors_words_are_found_in_every_known_shape(body, words):
    assert explain(body) == words
