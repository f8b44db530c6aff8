"""Every way out of the sandbox that was ever thought of, tried for real; `escape_sources` tells what the files say.

Each source runs with the guarded language in front of it and, where it is meant for the layers behind, once more as
plain Python. What counts is seen from outside: no secret in what comes back, nobody knocked, no file has changed, and
the next call is served. A source that fails for a reason of its own would prove nothing, so that fails the test too:
what the language must refuse has to succeed as plain Python, and what knocks has to be heard when nothing holds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from helpers.escape_skills import FOLDER, EscapeSource, escape_sources, read

from ceos.clients.http import safe_fetch
from ceos.errors import SkillError
from ceos.sandbox import wire
from ceos.sandbox.executor import Sandbox, SandboxLimits
from ceos.skills.grants import Grants, HttpGrant, LlmGrant, MemoryGrant
from ceos.skills.host import SkillHost

pytestmark = [pytest.mark.corpus, pytest.mark.skipif(sys.platform != "linux", reason="the attacks are on Linux")]

SOURCES = escape_sources()
#: What a source may import where there are no files; else an attack that only fails to import would pass for held.
PRELOAD = (
    *("ctypes", "json", "mmap", "os", "resource", "signal"),
    *("socket", "struct", "subprocess", "sys", "threading", "time"),
)

#: Every way a call may end: nothing else may ever leave `Sandbox.run`, and no attack is the system's fault.
ENDINGS = {"error", "calls", "output", "crashed", "wall", "cpu", "memory", "rejected", "violation"}
#: What a source fails with that was written wrongly.
OWN_MISTAKES = {"ImportError", "ModuleNotFoundError", "NameError", "UnboundLocalError", "SyntaxError"}
#: Sources of the kernel's layer catch what the kernel says, so these are mistakes as well.
KERNEL_MISTAKES = OWN_MISTAKES | {"AttributeError", "TypeError", "KeyError", "IndexError", "ValueError"}

ALLOWED_HOST = "allowed.example.org"
#: Stands for a public address; all of 127/8 is this machine.
PUBLIC, LOOPBACK = "127.0.0.2", "127.0.0.1"
INPUTS = {
    "agent": {"name": "ada"},
    "topic": "tests",
    "kind": "original",
    "draft": ["gm"],
    "recent": ["gm"],
    "limit": 320,
}


# What must not be reached


class Targets:
    """Secrets and listeners of the trusted process, and what shows that somebody got to them."""

    def __init__(self, folder: Path) -> None:
        self.secret = f"canary-{secrets.token_hex(12)}"
        self.folder = folder
        self.file = folder / "secret.txt"
        self.file.write_text(self.secret, encoding="utf-8")
        self._tcp = socket.create_server((LOOPBACK, 0))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((LOOPBACK, 0))
        self._unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._unix.bind(str(folder / "unix"))
        self._abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._abstract.bind(f"\0{self.secret[:16]}")
        for listener in (self._unix, self._abstract):
            listener.listen()
        self.listeners = (self._tcp, self._udp, self._unix, self._abstract)
        self.web = _Web(self._tcp.getsockname()[1])
        self.params = {
            "file": str(self.file),
            "tcp": self._tcp.getsockname()[1],
            "udp": self._udp.getsockname()[1],
            "unix": str(folder / "unix"),
            "abstract": self.secret[:16],
            "host_pid": os.getpid(),
            "canary_name": "CEOS_CANARY",
            "machine": platform.machine(),
        }
        self._before = self._files()

    def evidence(self) -> list[str]:
        """Return what shows from outside that something was reached."""
        knocked, _, _ = select.select(self.listeners, [], [], 0)
        found = [f"somebody knocked at {listener.getsockname()!r}" for listener in knocked]
        if self._files() != self._before:
            found.append(f"the folder changed: {self._files()}")
        return found

    def environment(self) -> dict[str, str]:
        """Return the variables that hold the secret."""
        return {"CEOS_CANARY": self.secret, "OPENROUTER_API_KEY": self.secret}

    def close(self) -> None:
        self.web.close()
        for listener in self.listeners:
            listener.close()

    def _files(self) -> dict[str, tuple[str, int, int]]:
        found = {}
        for path in sorted(self.folder.iterdir()):
            about = path.lstat()
            text = path.read_text("utf-8") if path.is_file() else ""
            found[path.name] = (text, about.st_mode, about.st_mtime_ns)
        return found


class _Web:
    """An allowed host on the internet, which does its best to send its visitors elsewhere."""

    def __init__(self, inside_port: int) -> None:
        elsewhere = {
            "/redirect-to-loopback": f"http://{LOOPBACK}:{inside_port}/",
            "/redirect-to-a-name-inside": "http://inside.example.org/",
            "/redirect-to-another-host": "http://evil.example.com/",
            "/redirect-to-a-file": "file:///etc/passwd",
            "/redirect-without-end": "/redirect-without-end",
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = f"a public page, asked for with {sorted(self.headers)}".encode()
                location = elsewhere.get(self.path)
                self.send_response(302 if location else 200)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer((PUBLIC, 0), Handler)
        self._inside = (socket.AF_INET, (LOOPBACK, inside_port))
        self._public = (socket.AF_INET, self._server.server_address)
        self._asked = 0
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def fetch(self, url: str, **options: Any) -> safe_fetch.FetchedPage:
        """Fetch a page as a skill's host does, with our names in place of the internet's."""
        return safe_fetch.get(url, **options, resolve=self._resolve, is_allowed_address=lambda ip: ip == PUBLIC)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _resolve(self, host: str, port: int) -> list[safe_fetch.Place]:
        self._asked += 1
        match host:
            case "rebinding.example.org":
                return [self._public if self._asked % 2 else self._inside]
            case "mixed.example.org":
                return [self._public, self._inside]
            case "allowed.example.org":
                return [self._public]
            case _:
                return [self._inside]


_HOSTS = (ALLOWED_HOST, "rebinding.example.org", "mixed.example.org", "inside.example.org")
_GRANTS: dict[str, Any] = {
    "http": HttpGrant(hosts=_HOSTS, max_calls=50),
    "llm": LlmGrant(),
    "memory": MemoryGrant(),
}


@dataclass
class Asked:
    """The host of a call: what a granted host would do, and what arrived that never should."""

    source: EscapeSource
    calls: SkillHost
    strange: list[str] = field(default_factory=list)

    def __call__(self, method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        if method not in wire.methods(self.source.grants):
            self.strange.append(f"ctx.{method} was never granted")
        wire.check_plain([args, kwargs])
        return self.calls(method, args, kwargs, deadline)


# Trying


@dataclass(frozen=True)
class Ending:
    """How a source ended: what it returned, or in which way it was stopped."""

    value: Any
    kind: str
    message: str
    log: tuple[str, ...]
    strange: list[str]

    @property
    def mistake(self) -> str:
        """The name of the error that the source itself raised, if any."""
        found = re.match(r"The skill failed(?: in line \d+)?: (\w+)", self.message)
        return found[1] if self.kind == "error" and found else ""

    @property
    def has_escaped(self) -> bool:
        return "ESCAPED" in json.dumps(self.value)


def attempt(sandbox: Sandbox, source: EscapeSource, targets: Targets) -> Ending:
    """Run a source and return how it ended; whatever is not a `SkillError` leaves the sandbox as a failure."""
    grants = Grants(**{name: _GRANTS.get(name, True) for name in source.grants})
    host = Asked(source, SkillHost(grants, fetch=targets.web.fetch, read=sandbox.read_document))
    # Starting the zygote is not part of what a source may spend.
    sandbox.warm()
    try:
        outcome = sandbox.run(
            source.text,
            targets.params,
            inputs=INPUTS,
            grants=source.grants,
            host=host,
            limits=SandboxLimits(seconds=source.seconds),
            seed=source.name,
        )
    except SkillError as error:
        return Ending(None, error.kind, str(error), error.log, host.strange)
    return Ending(outcome.value, "", "", outcome.log, host.strange)


def assert_held(ending: Ending, sandbox: Sandbox, targets: Targets) -> None:
    """Whatever a source did, nothing has come of it."""
    assert not ending.has_escaped, ending.value
    assert ending.kind in ENDINGS | {""}, f"{ending.kind}: {ending.message}"
    wire.check_plain(ending.value)
    told = json.dumps([ending.value, ending.message, ending.log])
    assert targets.secret not in told
    assert sum(map(len, ending.log)) <= wire.OUTPUT_CHARS + 100
    assert len(ending.message) <= 10_000
    assert not ending.strange
    assert not targets.evidence()
    assert sandbox.run("def run(ctx, params):\n    return 'served'\n").value == "served"


@pytest.fixture(scope="module")
def targets() -> Iterator[Targets]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        found = Targets(Path(folder))
        for name, value in found.environment().items():
            patch.setenv(name, value)
        yield found
        found.close()


@pytest.fixture(scope="module")
def before(targets: Targets) -> tuple[set[str], int]:
    """The children and the number of descriptors that this process had before there was a sandbox."""
    return _children(), _descriptors()


@pytest.fixture(scope="module")
def sandbox(before: tuple[set[str], int], targets: Targets) -> Iterator[Sandbox]:
    """The sandbox as it is used; it was started by a process that holds the secrets."""
    with contextlib.closing(Sandbox()) as running:
        yield running


@pytest.fixture(scope="module")
def without_language(before: tuple[set[str], int], targets: Targets) -> Iterator[Sandbox]:
    """The kernel's layers alone."""
    with contextlib.closing(Sandbox(language=False, preload=PRELOAD)) as running:
        yield running


# The tests


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_no_source_gets_out(source: EscapeSource, sandbox: Sandbox, targets: Targets) -> None:
    ending = attempt(sandbox, source, targets)

    assert_held(ending, sandbox, targets)


@pytest.mark.parametrize("source", [one for one in SOURCES if one.layer != "language"], ids=str)
def test_no_source_gets_out_with_the_language_layer_off(
    source: EscapeSource, without_language: Sandbox, targets: Targets
) -> None:
    ending = attempt(without_language, source, targets)

    assert_held(ending, without_language, targets)
    mistakes = KERNEL_MISTAKES if source.layer == "kernel" else OWN_MISTAKES
    if source.family != "parser":
        assert ending.mistake not in mistakes, f"this attack was never tried: {ending.message}"


@pytest.mark.parametrize("source", [one for one in SOURCES if one.layer == "language" and not one.plain], ids=str)
def test_what_the_language_layer_refuses_would_succeed_as_plain_python(
    source: EscapeSource, without_language: Sandbox, targets: Targets
) -> None:
    ending = attempt(without_language, source, targets)

    assert ending.has_escaped, f"this attack proves nothing: {ending}"
    assert not targets.evidence()


@pytest.mark.parametrize(
    ("name", "is_heard"),
    [
        ("proc/environment_by_c", False),
        ("proc/environment_by_file", False),
        ("files/read_the_canary", False),
        ("files/new_file", True),
        ("network/tcp", True),
        ("network/udp", True),
        ("network/unix", True),
        ("network/abstract", True),
    ],
)
def test_the_same_source_succeeds_where_nothing_holds_it(name: str, is_heard: bool, tmp_path: Path) -> None:
    targets = Targets(tmp_path)
    program = "import json, sys; print(run(None, json.loads(sys.argv[1])))"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"{read(FOLDER / f'{name}.py').text}\n{program}", json.dumps(targets.params)],
            env=targets.environment(),
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout.startswith("ESCAPED")
        assert is_heard == bool(targets.evidence())
        assert is_heard or targets.secret in done.stdout
    finally:
        targets.close()


def test_there_are_enough_of_them() -> None:
    assert len(SOURCES) >= 150
    assert {source.layer for source in SOURCES} == {"language", "kernel", "both", "host"}


def test_nothing_is_left_of_them(
    before: tuple[set[str], int], sandbox: Sandbox, without_language: Sandbox, targets: Targets
) -> None:
    children, descriptors = before
    sandbox.close()
    without_language.close()

    assert _children() <= children
    assert _descriptors() <= descriptors
    assert targets.evidence() == []
    assert not [name for name in ("/tmp/ceos-escaped", "/dev/shm/ceos-escaped", "/ceos-escaped") if Path(name).exists()]


def _children() -> set[str]:
    """Return the numbers of this process's children, zombies included."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = folder.joinpath("stat").read_text("utf-8").rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.add(folder.name)
    return found


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
