"""Worker processes through the real `dramatiq` command, and others; started again when they end unasked."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from ceos.errors import CeosError
from ceos.logs import event

log = logging.getLogger(__name__)

#: How long a worker may take to finish what it is doing, in milliseconds; then it gives its runs back.
DRAIN_MS = 25_000
#: How long to wait for the whole master process after that, in seconds.
STOP_SECONDS = 30.0
#: How long to wait before starting workers again that ended unasked: the first time, and at most, in seconds.
FIRST_WAIT_SECONDS = 0.2
LAST_WAIT_SECONDS = 10.0
#: Workers that lived this long were well; the next wait is a first one again.
STABLE_SECONDS = 5.0
#: The exit code of a worker that found something misconfigured: starting it again would not help.
EXIT_MISCONFIGURED = 78


#: Linux: the kernel tells the workers to stop when we are killed. Elsewhere they go on until they are stopped by hand.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _stop_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def worker_command(processes: int, threads: int, module: str = "ceos.actors") -> list[str]:
    """Return the command line of the workers."""
    return [
        sys.executable, "-m", "dramatiq", module, "--processes", str(processes), "--threads", str(threads),
        "--worker-shutdown-timeout", str(DRAIN_MS), "--skip-logging",
    ]  # fmt: skip


def web_command(listener: socket.socket) -> list[str]:
    """Return the command line of the web app at a socket that listens already."""
    return [sys.executable, "-m", "ceos", "web", "--fd", str(listener.fileno())]


class Fleet:
    """One master process of dramatiq with its workers, or another command that is to run as long as we do.

    `pass_fds` are descriptors that it inherits, each time it is started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        threads: int = 1,
        log_file: IO[bytes] | None = None,
        name: str = "Workers",
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._command = list(command)
        self._name = name
        self._pass_fds = tuple(pass_fds)
        # A prefetch of one message a thread: more would wait behind a slow service while another process is idle.
        # A consumer that lost Redis looks again after half a second; stock waits three.
        self._environ = {"dramatiq_queue_prefetch": str(threads), "dramatiq_restart_delay": "500", **environ}
        self._log_file = log_file
        self._started_at = 0.0
        self._wait = FIRST_WAIT_SECONDS
        #: When to start again after an end unasked, or None while there was none.
        self._again_at: float | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the master; it gets a session of its own, so that one Ctrl-C reaches only us."""
        self._started_at, self._again_at = time.monotonic(), None
        # The kernel sends the signal when the starting thread ends, and only the main thread lasts as long as we do.
        is_bound = _libc is not None and threading.current_thread() is threading.main_thread()
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log_file,
            stderr=self._log_file,
            start_new_session=True,
            pass_fds=self._pass_fds,
            preexec_fn=_stop_with_parent if is_bound else None,  # noqa: PLW1509  # it only makes one system call
        )

    def supervise(self, stop: threading.Event, *others: Fleet) -> None:
        """Start this and the others again whenever they end unasked, until `stop` is set; `CeosError` if no use."""
        while not stop.wait(0.1):
            for fleet in (self, *others):
                fleet.revive()

    def revive(self) -> None:
        """Look once: start the process again some time after it ended; raises `CeosError` when that is no use."""
        process, now = self._process, time.monotonic()
        if process is None or process.poll() is None:
            return
        if process.returncode == EXIT_MISCONFIGURED:
            raise CeosError(f"The {self._name.lower()} refused to start; the reason is in the line above.")
        if self._again_at is None:
            if now - self._started_at > STABLE_SECONDS:
                self._wait = FIRST_WAIT_SECONDS
            extra = event("fleet.restarted", code=process.returncode)
            log.warning("%s ended; starting them again", self._name, extra=extra)
            self._again_at = now + self._wait
            self._wait = min(self._wait * 2, LAST_WAIT_SECONDS)
        elif now >= self._again_at:
            self.start()

    def terminate(self) -> None:
        """Tell the master to stop, and do not wait for it."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> int:
        """Stop the workers: what runs is finished or handed back. Returns the exit code."""
        process = self._process
        if process is None:
            return 0
        self.terminate()
        if process.poll() is None:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop in time; killing them", self._name, extra=event("fleet.killed"))
                self.kill()
        return process.returncode or 0

    def kill(self) -> None:
        """Kill the whole session at once."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()

    @property
    def pid(self) -> int | None:
        """The process id of the master."""
        return self._process.pid if self._process else None


def wait_until(condition: Callable[[], object], seconds: float, look: float = 0.05) -> bool:
    """Wait until `condition()` is true; returns False when the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(look)
    return False


def simulator_command(
    port: int, seed: int, config: str = "{}", *, speed: float = 1.0, origin: float = 0.0
) -> list[str]:
    """Return the command line of a simulator of its own process, with a clock like `Clock`."""
    return [
        sys.executable, "-m", "ceos.simulator", "--port", str(port), "--seed", str(seed), "--faults", config,
        "--speed", str(speed), "--origin", str(origin),
    ]  # fmt: skip


def simulator_environ(url: str) -> dict[str, str]:
    """Return the variables that point every client at a simulator."""
    return {
        "OPENROUTER_API_KEY": "sk-or-simulated",
        "OPENROUTER_BASE_URL": f"{url}/api/v1",
        "FAL_KEY": "simulated:key",
        "FAL_RUN_URL": f"{url}/fal-run",
        "FAL_QUEUE_URL": f"{url}/fal-queue",
        "NEYNAR_API_KEY": "simulated-key",
        "NEYNAR_BASE_URL": f"{url}/v2",
        # The simulator has no limit, and posts as fast as it is asked to.
        "CEOS_NEYNAR_PER_MINUTE": "0",
    }


def write_log(path: Path) -> IO[bytes]:
    """Open a log file of a subprocess for appending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")
