"""Worker processes through the real `dramatiq` command, started again when they end unasked."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
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


class Fleet:
    """One master process of dramatiq with its workers."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], *, threads: int, log_file: IO[bytes] | None = None
    ) -> None:
        self._command = list(command)
        # A prefetch of one message a thread: more would wait behind a slow service while another process is idle.
        # A consumer that lost Redis looks again after half a second; stock waits three.
        self._environ = {"dramatiq_queue_prefetch": str(threads), "dramatiq_restart_delay": "500", **environ}
        self._log_file = log_file
        self._started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the master; it gets a session of its own, so that one Ctrl-C reaches only us."""
        self._started_at = time.monotonic()
        # The kernel sends the signal when the starting thread ends, and only the main thread lasts as long as we do.
        is_bound = _libc is not None and threading.current_thread() is threading.main_thread()
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log_file,
            stderr=self._log_file,
            start_new_session=True,
            preexec_fn=_stop_with_parent if is_bound else None,  # noqa: PLW1509  # it only makes one system call
        )

    def supervise(self, stop: threading.Event) -> None:
        """Start the master again whenever it ends unasked, until `stop` is set; `CeosError` when that is no use."""
        wait = FIRST_WAIT_SECONDS
        while not stop.wait(0.1):
            process = self._process
            if process is None or process.poll() is None:
                continue
            if time.monotonic() - self._started_at > STABLE_SECONDS:
                wait = FIRST_WAIT_SECONDS
            if process.returncode == EXIT_MISCONFIGURED:
                raise CeosError("The workers refused to start; the reason is in the line above.")
            log.warning("Workers ended; starting them again", extra=event("fleet.restarted", code=process.returncode))
            stop.wait(wait)
            wait = min(wait * 2, LAST_WAIT_SECONDS)
            if not stop.is_set():
                self.start()

    def stop(self) -> int:
        """Stop the workers: what runs is finished or handed back. Returns the exit code."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("Workers did not stop in time; killing them", extra=event("fleet.killed"))
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


def simulator_command(port: int, seed: int, config: str = "{}") -> list[str]:
    """Return the command line of a simulator of its own process."""
    return [sys.executable, "-m", "ceos.simulator", "--port", str(port), "--seed", str(seed), "--faults", config]


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
    }


def write_log(path: Path) -> IO[bytes]:
    """Open a log file of a subprocess for appending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")
