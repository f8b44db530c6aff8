"""Supervision of worker processes, which the `dramatiq` command runs, and of other commands: restart and stop."""

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

#: Milliseconds that a worker has to finish its messages when it stops; after that it releases its runs.
DRAIN_MS = 25_000
#: Seconds that the master process has to end after that.
STOP_SECONDS = 30.0
#: Seconds between an unexpected end of a process and its restart: the first time, and at most.
MIN_RESTART_SECONDS = 0.2
MAX_RESTART_SECONDS = 10.0
#: A process that ran this long was healthy: the wait before its next restart is the shortest again.
STABLE_SECONDS = 5.0
#: The exit code of a worker with a wrong configuration, which a restart cannot fix.
EXIT_MISCONFIGURED = 78

#: On Linux the kernel stops the workers when the supervisor is killed. Elsewhere they run on until stopped by hand.
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
    """Return the command line of the web app on a listening socket."""
    return [sys.executable, "-m", "ceos", "web", "--fd", str(listener.fileno())]


class Supervisor:
    """Keeps one command running: a dramatiq master with its workers, or another one.

    The process inherits the descriptors `pass_fds` each time it is started.
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
        # A prefetch of one message for each thread: more would wait behind a slow service while another process is
        # idle. A consumer that lost Redis reconnects after half a second instead of three.
        self._environ = {"dramatiq_queue_prefetch": str(threads), "dramatiq_restart_delay": "500", **environ}
        self._log_file = log_file
        self._started_at = 0.0
        self._restart_seconds = MIN_RESTART_SECONDS
        #: The time of the next restart; None while the process runs.
        self._restart_at: float | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches the supervisor only."""
        self._started_at, self._restart_at = time.monotonic(), None
        # The kernel sends the signal when the thread that started the process ends, not the supervisor's process; only
        # the main thread lives as long as that.
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

    def supervise(self, stop: threading.Event, *others: Supervisor) -> None:
        """Restart this process and the others whenever they end, until `stop` is set.

        Raises `CeosError` when one of them is misconfigured.
        """
        while not stop.wait(0.1):
            for one in (self, *others):
                one.restart_if_ended()

    def restart_if_ended(self) -> None:
        """Restart the process some time after it ended; raises `CeosError` when it is misconfigured."""
        process, now = self._process, time.monotonic()
        if process is None or process.poll() is None:
            return
        if process.returncode == EXIT_MISCONFIGURED:
            raise CeosError(f"The {self._name.lower()} are misconfigured; the log line above names the setting.")
        if self._restart_at is None:
            if now - self._started_at > STABLE_SECONDS:
                self._restart_seconds = MIN_RESTART_SECONDS
            extra = event("fleet.restarted", code=process.returncode)
            log.warning("%s ended; restarting them", self._name, extra=extra)
            self._restart_at = now + self._restart_seconds
            self._restart_seconds = min(self._restart_seconds * 2, MAX_RESTART_SECONDS)
        elif now >= self._restart_at:
            self.start()

    def terminate(self) -> None:
        """Ask the process to stop, without waiting for it."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> int:
        """Stop the process and return its exit code; workers finish or release what they are doing."""
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
        """Kill the process and all others of its session."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()

    @property
    def pid(self) -> int | None:
        """The process id, or None before the first start."""
        return self._process.pid if self._process else None


def wait_until(condition: Callable[[], object], seconds: float, interval: float = 0.05) -> bool:
    """Wait until `condition()` is true and return True, or return False after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(interval)
    return False


def simulator_command(
    port: int, seed: int, config: str = "{}", *, speed: float = 1.0, origin: float = 0.0
) -> list[str]:
    """Return the command line of a simulator whose clock runs like a `Clock` of this speed and origin."""
    return [
        sys.executable, "-m", "ceos.simulator", "--port", str(port), "--seed", str(seed), "--faults", config,
        "--speed", str(speed), "--origin", str(origin),
    ]  # fmt: skip


def simulator_environ(url: str) -> dict[str, str]:
    """Return the environment variables with which every client uses a simulator."""
    return {
        "OPENROUTER_API_KEY": "sk-or-simulated",
        "OPENROUTER_BASE_URL": f"{url}/api/v1",
        "FAL_KEY": "simulated:key",
        "FAL_RUN_URL": f"{url}/fal-run",
        "FAL_QUEUE_URL": f"{url}/fal-queue",
        "FAL_REST_URL": f"{url}/fal-rest",
        "NEYNAR_API_KEY": "simulated-key",
        "NEYNAR_BASE_URL": f"{url}/v2",
        # The simulator has no rate limit.
        "CEOS_NEYNAR_PER_MINUTE": "0",
    }


def write_log(path: Path) -> IO[bytes]:
    """Open the log file of a subprocess for appending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")
