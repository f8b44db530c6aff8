"""The web app over HTTP, under the real server: whatever is sent to it, and the commands that start it."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.terminal import ceos, clean_environ
from helpers.web_app import (
    SECRET,
    VECTOR,
    VECTOR_SIGNATURE,
    Agents,
    Site,
    Taken,
    make_cast,
    make_event,
    make_webhooks,
    site_of,
)

from ceos.cli.doctor.command import examine
from ceos.errors import StoreUnavailable
from ceos.runtime import Runtime
from ceos.settings import Settings
from ceos.simulator.server import Running
from ceos.supervisor import simulator_environ, wait_until
from ceos.testing import FakeRuntime, make_agent
from ceos.web import app as web_app
from ceos.web import server
from ceos.web.listener import address_of, listen
from ceos.web.webhooks import Webhooks, sign


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Taken]]:
    webhooks, taken = make_webhooks()
    with site_of(webhooks) as site:
        yield site, taken


@pytest.fixture
def site(shared: tuple[Site, Taken]) -> Site:
    shared[1].clear()
    return shared[0]


def head(length: int | None = None, *lines: str, signature: str = VECTOR_SIGNATURE) -> bytes:
    """Return the head of a webhook's request."""
    fields = ["Host: x", f"X-Neynar-Signature: {signature}", *lines]
    fields += [f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"]
    return "\r\n".join(["POST /webhooks/neynar HTTP/1.1", *fields, "", ""]).encode()


def answer_on(connection: socket.socket) -> bytes:
    """Return everything that comes until the other side closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    connection.close()
    return b"".join(parts)


def test_a_signed_webhook_is_taken_and_its_replay_is_known(site: Site) -> None:
    assert site.post(make_event()) == (200, {"ok": True, "taken": {"ada": "opened"}, "ignored": ""})
    assert site.post(make_event())[1]["taken"] == {"ada": "known"}


def test_chunks_are_as_good_as_a_length(site: Site) -> None:
    body = make_event()
    chunks = iter([body[:10], body[10:11], body[11:]])
    status, answer = site.ask("POST", "/webhooks/neynar", chunks, X_Neynar_Signature=sign(body, SECRET))
    assert (status, answer["taken"]) == (200, {"ada": "opened"})


@pytest.mark.parametrize(
    ("body", "signature", "status"),
    [
        pytest.param(VECTOR, VECTOR_SIGNATURE, 200, id="the vector"),
        pytest.param(VECTOR, VECTOR_SIGNATURE.upper(), 200, id="upper-case hex"),
        pytest.param(VECTOR + b" ", VECTOR_SIGNATURE, 401, id="a blank was added"),
        pytest.param(make_event(), sign(make_event(), "other"), 401, id="signed with another secret"),
        pytest.param(make_event(), "", 401, id="an empty header"),
        pytest.param(make_event(), "é" * 128, 401, id="no ASCII"),
        pytest.param(make_event(), "0" * 64, 401, id="as long as the sample of the vendor"),
        pytest.param(b"{", None, 400, id="no JSON"),
        pytest.param(b"\xff", None, 400, id="no UTF-8"),
        pytest.param(make_event({}, "cast.deleted"), None, 200, id="another event"),
    ],
)
def test_the_answer_says_whether_it_was_taken(site: Site, body: bytes, signature: str | None, status: int) -> None:
    found, answer = site.post(body, signature)
    assert (found, answer["ok"]) == (status, status == 200)
    assert answer["error"].endswith(".") if status != 200 else answer["ignored"].endswith(".")
    assert SECRET not in json.dumps(answer)


def test_without_the_header_not_even_the_body_is_read(site: Site) -> None:
    connection = site.raw(b"POST /webhooks/neynar HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n", b"{")
    assert connection.recv(12) == b"HTTP/1.1 401"
    connection.close()


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/webhooks/neynar/", "/webhooks"])
def test_there_is_nothing_else(site: Site, path: str) -> None:
    assert site.ask("GET", path)[0] == 404
    assert site.ask("GET", "/webhooks/neynar")[0] == 405


def test_ten_megabytes_are_refused_and_the_sender_reads_why(site: Site) -> None:
    status, answer = site.post(b"x" * 10_000_000)
    assert (status, answer["error"]) == (413, "The body is longer than 1048576 bytes.")


def test_ten_megabytes_in_chunks_are_refused_too(site: Site) -> None:
    chunks = iter([b"x" * 100_000] * 100)
    status, answer = site.ask("POST", "/webhooks/neynar", chunks, X_Neynar_Signature=VECTOR_SIGNATURE)
    assert (status, answer["ok"]) == (413, False)


def test_who_asks_first_may_keep_what_is_too_much(site: Site) -> None:
    connection = site.raw(head(10_000_000, "Expect: 100-continue"))
    assert connection.recv(12) == b"HTTP/1.1 413"
    connection.close()


def test_as_much_as_may_be_is_read(site: Site) -> None:
    body = make_event(make_cast(text="x" * (web_app.MAX_BODY_BYTES - len(make_event(make_cast(text=""))))))
    assert len(body) == web_app.MAX_BODY_BYTES
    assert site.post(body)[0] == 200
    assert site.post(body + b" ")[0] == 413


def test_a_body_that_does_not_end_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(web_app, "LINGER_SECONDS", 0.05)
    assert answer_on(site.raw(head(len(VECTOR)), VECTOR[:20])).startswith(b"HTTP/1.1 408")
    assert answer_on(site.raw(head(), b"5\r\nhello\r\n")).startswith(b"HTTP/1.1 408")


def test_who_does_not_come_to_the_point_is_hung_up_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.05)
    assert answer_on(site.raw()) == b""
    assert answer_on(site.raw(head(len(VECTOR))[:40])) == b""
    assert answer_on(site.raw(b"POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{")).startswith(
        b"HTTP/1.1 404"
    )
    # Nor may a connection be kept for that after it was of use.
    connection = site.raw(head(len(VECTOR)), VECTOR)
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    connection.sendall(b"POST /webhooks")
    assert b"HTTP/1.1" not in answer_on(connection)


def test_a_sender_that_leaves_in_the_middle_disturbs_nobody(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ceos.web.app")
    site.raw(head(len(VECTOR)), VECTOR[:20]).close()
    assert wait_until(lambda: "webhook.refused" in [getattr(one, "event", "") for one in caplog.records], 60)
    assert site.post(make_event())[0] == 200
    assert [one for one in caplog.records if one.exc_info or one.levelno > logging.WARNING] == []


def test_what_is_no_http_is_400(site: Site) -> None:
    assert site.raw(b"\x16\x03\x01 hello\r\n\r\n").recv(12) == b"HTTP/1.1 400"
    assert site.raw(head(0).replace(b": 0", b": -1")).recv(12) == b"HTTP/1.1 400"
    assert site.raw(head(5, "Transfer-Encoding: chunked")).recv(12) == b"HTTP/1.1 400"


def test_the_log_has_a_line_a_request_without_query_body_and_secret(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = make_event(make_cast(text="my-words"))
    site.ask("POST", "/webhooks/neynar?token=my-query", body, X_Neynar_Signature=sign(body, SECRET))
    site.ask("GET", "/odd%0apath")
    site.ask("GET", "/healthz")
    assert wait_until(lambda: sum(one.message == "Request" for one in caplog.records) == 3, 60)
    lines = [vars(one) for one in caplog.records if one.message == "Request"]
    assert [(one["levelname"], one["method"], one["path"], one["status"]) for one in lines] == [
        ("INFO", "POST", "/webhooks/neynar", 200),
        ("INFO", "GET", "/odd\\npath", 404),
        ("DEBUG", "GET", "/healthz", 200),
    ]
    everything = json.dumps([vars(one) for one in caplog.records], default=str)
    assert [word for word in ("my-words", "my-query", SECRET, sign(body, SECRET)) if word in everything] == []


def test_while_redis_is_away_the_sender_is_asked_to_come_again() -> None:
    def away(*_: object) -> str:
        raise StoreUnavailable

    agents: Any = Agents(make_agent())
    with site_of(Webhooks([SECRET], agents, away), check=away) as site:
        assert site.post(make_event()) == (503, {"ok": False, "error": "Try again later."})
        assert site.ask("GET", "/healthz")[0] == 503
        # Who may not write is told so nevertheless.
        assert site.post(make_event(), "0" * 128)[0] == 401


def test_a_redis_that_hangs_does_not_keep_the_sender_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "STORE_SECONDS", 0.05)
    over = threading.Event()

    def hang(*_: object) -> str:
        over.wait(60)
        return "opened"

    with site_of(Webhooks([SECRET], Agents(make_agent()), hang)) as site:  # type: ignore[arg-type]
        assert [site.post(make_event())[0] for _ in range(web_app.THREADS + 2)] == [503] * (web_app.THREADS + 2)
        over.set()


def test_a_mistake_of_ours_is_500_and_costs_only_that_webhook(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> str:
        raise KeyError("tone")

    with site_of(Webhooks([SECRET], Agents(make_agent()), broken)) as site:  # type: ignore[arg-type]
        connection = site.raw(head(len(make_event()), signature=sign(make_event(), SECRET)), make_event())
        assert connection.recv(12) == b"HTTP/1.1 500"
        assert site.ask("GET", "/healthz") == (200, {"ok": True})
    assert "KeyError: 'tone'" in caplog.text


# Where it listens


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        pytest.param("127.0.0.1", None, "in use", id="taken"),
        pytest.param("203.0.113.1", 0, "assign", id="not an address of this machine"),
        pytest.param("no-such-host.invalid", 0, "", id="no such host"),
        pytest.param("x" * 80, 0, "it is not an address", id="no name"),
    ],
)
def test_a_place_that_cannot_be_listened_at_is_one_sentence(host: str, port: int | None, reason: str) -> None:
    with listen("127.0.0.1", 0) as taken:
        place = taken.getsockname()[1] if port is None else port
        shown = ceos("web", "--host", host, "--port", str(place), environ=WANTED, cwd=Path("/"))
    assert (shown.code, shown.out) == (1, "")
    assert len(shown.err.splitlines()) == 1 and "CEOS_WEB_PORT" in shown.err and reason in shown.err


#: What wants webhooks, with a home that nothing is written to before the port is open.
WANTED = clean_environ(Path("/nowhere"), NEYNAR_WEBHOOK_SECRET=SECRET)


def test_without_a_secret_there_is_nothing_to_receive() -> None:
    shown = ceos("web", environ=clean_environ(Path("/nowhere"), NEYNAR_WEBHOOK_SECRET=" ,"), cwd=Path("/"))
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("NEYNAR_WEBHOOK_SECRET is not set") and len(shown.err.splitlines()) == 1


def test_an_address_of_the_newer_kind_has_brackets() -> None:
    try:
        listener = listen("::1", 0)
    except Exception:
        listener = listen("127.0.0.1", 0)
    with listener:
        assert address_of(listener).startswith(("http://[::1]:", "http://127.0.0.1:"))


# The commands, with real processes


class Place:
    """A home with an agent that listens, and a port that is free."""

    def __init__(self, home: Path, simulator: Running) -> None:
        self.home = home
        with listen("127.0.0.1", 0) as probe:
            self.address: tuple[str, int] = probe.getsockname()
        self.environ = clean_environ(
            home,
            NEYNAR_WEBHOOK_SECRET=f"new-secret,{SECRET}",
            CEOS_WEB_PORT=str(self.address[1]),
            **simulator_environ(simulator.url),
        )
        self.runtime = Runtime(Settings.from_env(self.environ, dotenv=None))
        self.runtime.apply([make_agent(schedule={"cron": "0 0 1 1 *"}, engagement={"enabled": True})])

    @contextmanager
    def run(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run `ceos WORDS…` until the block ends, and wait until it answers."""
        command = [sys.executable, "-m", "ceos", *words]
        with (self.home / "log").open("ab") as file:
            process = subprocess.Popen(command, env=self.environ, cwd=self.home, stderr=file)
        try:
            assert wait_until(lambda: self.status() == 200, 60), self.log()
            yield process
        finally:
            process.kill()
            process.wait()

    def status(self, body: bytes | None = None) -> int:
        """Ask whether it is well, or send a webhook; returns the status, or 0 where nobody answers."""
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            if body is None:
                connection.request("GET", "/healthz")
            else:
                connection.request("POST", "/webhooks/neynar", body, {"X-Neynar-Signature": sign(body, SECRET)})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def web_processes(self) -> list[int]:
        """Return the ids of the web apps that 'ceos up' has started here."""
        return [int(one.name) for one in Path("/proc").glob("[0-9]*") if self._is_web(one)]

    def _is_web(self, process: Path) -> bool:
        try:
            is_ours = f"CEOS_HOME={self.home}".encode() in (process / "environ").read_bytes().split(b"\0")
            return is_ours and b"--fd" in (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False

    def mentions(self) -> int:
        return len(self.runtime.mention_store.mention_runs("ada"))

    def log(self) -> str:
        return (self.home / "log").read_text()


@pytest.fixture
def place(tmp_path: Path, ceos_simulator: Running) -> Iterator[Place]:
    found = Place(tmp_path, ceos_simulator)
    yield found
    found.runtime.close()


def fresh_event(number: int) -> bytes:
    return make_event(make_cast(hash=f"0x{number:040x}", timestamp=dt.datetime.now(dt.UTC).isoformat()))


def test_the_command_receives_and_ends_with_code_0_on_a_signal(place: Place) -> None:
    with place.run("web") as process:
        assert place.status(fresh_event(1)) == 200
        # As systemd and 'ceos up' do it together: one signal comes right after the other.
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, place.log()
    assert place.mentions() == 1
    assert "Traceback" not in place.log()
    assert f"http://127.0.0.1:{place.address[1]}/webhooks/neynar" in place.log()
    assert '"event": "webhook.received"' in place.log()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_up_receives_too_and_starts_a_killed_web_app_again_with_nobody_turned_away(place: Place) -> None:
    with place.run("up", "--processes", "1", "--threads", "2") as process:
        assert place.status(fresh_event(1)) == 200
        (web,) = place.web_processes()
        os.kill(web, signal.SIGKILL)
        assert wait_until(lambda: web not in place.web_processes(), 60)
        # The socket is open still: this waits for the next one.
        assert place.status(fresh_event(2)) == 200
        assert place.web_processes() not in ([], [web])
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, place.log()
        assert place.status() == 0
    assert wait_until(lambda: not place.web_processes(), 60)
    assert place.mentions() == 2
    assert "Web processes ended; restarting them" in place.log() and "Traceback" not in place.log()


def test_up_starts_nothing_when_the_port_is_taken(place: Place) -> None:
    with listen(*place.address):
        shown = ceos("up", environ=place.environ, cwd=place.home)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith(f"The web app cannot listen at 127.0.0.1:{place.address[1]}: Address already in use.")
    assert len(shown.err.splitlines()) == 1
    assert place.runtime.ops.counts()["workers"] == 0


def test_the_doctor_says_where_webhooks_are_received(place: Place, fake_runtime: FakeRuntime) -> None:
    def found(runtime: Runtime) -> tuple[str, str]:
        (finding,) = (one for one in examine(runtime) if one.check == "webhooks")
        return finding.status, f"{finding.found} {finding.fix}"

    place_name = f"127.0.0.1:{place.address[1]}"
    status, text = found(place.runtime)
    assert status == "warning" and f"no process listens at {place_name}" in text and "'ceos web'" in text
    with listen(*place.address):
        status, text = found(place.runtime)
    assert status == "ok" and "2 secrets" in text and f"http://{place_name}/webhooks/neynar" in text
    status, text = found(fake_runtime.runtime)
    assert status == "ok" and "not set" in text
