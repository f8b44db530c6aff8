"""The trusted side's ends of the sandbox's processes: the start of a zygote, its children, and their frames."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ceos.errors import SandboxUnavailable
from ceos.logs import event
from ceos.sandbox import wire

log = logging.getLogger(__name__)

#: The layers that each mode requires of the kernel. `dev` is for systems other than Linux.
MODES: dict[str, tuple[str, ...]] = {
    "strict": ("namespaces", "root", "landlock", "seccomp", "no_new_privs", "capabilities"),
    "standard": ("seccomp", "no_new_privs"),
    "dev": (),
}
#: All layers, in the order of `ceos doctor`.
LAYERS = ("process", "rlimits", "user", "namespaces", "root", "no_new_privs", "capabilities", "landlock", "seccomp")

#: Seconds that a zygote may take to start. It takes half a second; the rest is for busy machines.
START_SECONDS = 60.0
#: A zygote that has given no child for so long while a call waited is stuck.
STALL_SECONDS = 20.0
#: A child that was ready to run for more than the first share of its time, but ran for less than the second, hardly got
#: a processor.
WAITED_SHARE, RAN_SHARE = 0.5, 0.05
#: The longest single wait: Dramatiq stops a message by an exception between two instructions of Python.
SLICE_MS = 250
#: The longest time between the end of a child's socket and that of its zygote's when both end.
HANG_UP_MS = 500


class Late(Exception):
    """The deadline has passed."""


class Ended(SandboxUnavailable):
    """The sandbox's process ended while it started."""


@dataclass(frozen=True)
class SandboxReport:
    """The layers that protect this process from skills, and the reasons why others are missing."""

    mode: str
    layers: Mapping[str, Any]
    missing: Mapping[str, str]

    @property
    def active(self) -> tuple[str, ...]:
        """The names of the active layers."""
        return tuple(name for name in LAYERS if self.layers.get(name))


class Child:
    """The trusted side's end of one child."""

    def __init__(self, connection: socket.socket, pidfd: int | None) -> None:
        self._socket = connection
        #: None where the system has no pidfds; the zygote then kills the child whose socket is closed here. The
        #: process id cannot be used: it belongs to the child's namespace and may be another process here.
        self._pidfd = pidfd
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLIN)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`; raises `Late` at the deadline, also when the child does not read."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._poll.modify(self._socket.fileno(), select.POLLOUT)
                self._wait(deadline)
                self._poll.modify(self._socket.fileno(), select.POLLIN)

    def frame(self, deadline: float) -> bytes:
        """Return the body of the next frame; raises `Late`, `EOFError`, or `BadFrame` before one that is too long."""
        return wire.read_frame(lambda count: self._read(count, deadline))

    def processor_seconds(self) -> tuple[float, float]:
        """Return how long the child has run and how long it was ready to run without a processor, in seconds.

        These are the first two numbers of /proc/PID/schedstat, in nanoseconds there; see sched-stats in the
        documentation of Linux. Both are 0 where the system does not say.
        """
        try:
            # The line Pid has the child's id in our namespace, or -1.
            line = next(one for one in _lines(f"/proc/self/fdinfo/{self._pidfd}") if one.startswith("Pid:"))
            run, waited, *_ = _lines(f"/proc/{int(line.split()[1])}/schedstat")[0].split()
            return int(run) / 1e9, int(waited) / 1e9
        except (OSError, ValueError, IndexError, StopIteration):
            return 0.0, 0.0

    def starvation(self, before: tuple[float, float], seconds: float) -> str:
        """Return a sentence if the child hardly got a processor in a call of so many seconds, or an empty string.

        `before` are its `processor_seconds` at the beginning of the call.
        """
        ran, waited = (now - then for now, then in zip(self.processor_seconds(), before, strict=True))
        if waited <= seconds * WAITED_SHARE or ran >= seconds * RAN_SHARE:
            return ""
        return f"The machine is too busy: the skill waited {waited:.3g} s for a processor and ran for {ran:.3g} s."

    def end(self) -> None:
        """Kill the child if it still lives, and close its descriptors."""
        pidfd, self._pidfd = self._pidfd, None
        try:
            if pidfd is not None:
                try:
                    with contextlib.suppress(OSError):
                        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                finally:
                    os.close(pidfd)
        finally:
            self._socket.close()

    # Dramatiq's exception may strike before the caller has the child.
    __del__ = end

    def _read(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._wait(deadline)
            received = self._socket.recv(1 << 16, socket.MSG_DONTWAIT)
            if not received:
                raise EOFError
            self._buffer += received
        wanted = bytes(self._buffer[:count])
        del self._buffer[:count]
        return wanted

    def _wait(self, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late
            if self._poll.poll(min(SLICE_MS, left * 1000 + 1)):
                return


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="ascii").splitlines()


class Zygote:
    """The trusted side's end of a zygote; used under the sandbox's lock."""

    def __init__(self, mode: str, spares: int, language: bool, preload: Sequence[str]) -> None:
        self.pid = os.getpid()
        self._spares = spares
        #: The number of children that wait in the socket or are ordered.
        self._ready = spares
        #: The time since which calls have waited for a child without success.
        self._silent_since: float | None = None
        try:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise SandboxUnavailable(f"The sandbox could not be started: {error}.") from None
        self._poll = select.poll()
        self._poll.register(self._control.fileno(), select.POLLIN)
        folder = ""
        try:
            # It becomes the zygote's root and is then removed, so nothing can be created in it.
            folder = tempfile.mkdtemp(prefix="ceos-sandbox-")
            # All arguments are ours: the interpreter, numbers, and a folder just created.
            self._process = subprocess.Popen(  # noqa: S603
                _command(theirs.fileno(), spares, folder, language, preload),
                pass_fds=[theirs.fileno()],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            theirs.close()
            self.report = self._read_report(mode)
        except BaseException as error:
            self.close()
            if isinstance(error, EOFError | ConnectionError):
                raise Ended from None
            if isinstance(error, OSError | ValueError | wire.BadFrame):
                raise SandboxUnavailable(f"The sandbox could not be started: {error}.") from None
            raise
        finally:
            theirs.close()
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
        self._log_start()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def take(self, deadline: float) -> Child:
        """Return a waiting child, or a new one; raises `Late`, or `EOFError` when the zygote is stuck or dead."""
        if self._ready <= 0:
            self._order()
        begun = time.monotonic()
        while not self._poll.poll(min(SLICE_MS, max(0.0, deadline - time.monotonic()) * 1000 + 1)):
            now = time.monotonic()
            self._silent_since = min(self._silent_since or begun, begun)
            if now - self._silent_since > STALL_SECONDS:
                raise EOFError
            if now > deadline:
                raise Late
        self._silent_since = None
        self._ready -= 1
        # Processes that other threads start at the same moment must not inherit the descriptors.
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        message, fds, found, _ = socket.recv_fds(self._control, 1, 2, flags)
        if not message:
            raise EOFError
        if found & socket.MSG_CTRUNC or not fds:
            # The child has no job yet and ends with its socket.
            for fd in fds:
                os.close(fd)
            raise SandboxUnavailable("This process has too many files open to take a process of the sandbox.")
        for fd in fds if not flags else ():
            os.set_inheritable(fd, False)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fds[0])
        return Child(connection, fds[1] if len(fds) > 1 else None)

    def has_hung_up(self) -> bool:
        """Say whether the zygote has ended; the kernel closes its descriptors one by one, so wait a little."""
        poll = select.poll()
        try:
            poll.register(self._control.fileno(), 0)
        except ValueError:
            # Another thread has closed it.
            return True
        return bool(poll.poll(HANG_UP_MS))

    def replenish(self) -> None:
        if self._ready < self._spares:
            with contextlib.suppress(OSError):
                self._order()

    def close(self) -> None:
        """End the zygote, which ends with its socket, and its children with it."""
        self._control.close()
        process = getattr(self, "_process", None)
        if process is None or self.pid != os.getpid():
            return
        # In containers without CAP_KILL root may not kill; there the end of the socket ends the zygote.
        with contextlib.suppress(PermissionError):
            process.kill()
        process.wait()

    def _order(self) -> None:
        self._control.send(b"n")
        self._ready += 1

    def _read_report(self, mode: str) -> SandboxReport:
        self._control.settimeout(START_SECONDS)
        answer = wire.parse(wire.read_frame(self._read_exactly))
        self._control.settimeout(None)
        if "failed" in answer:
            raise ValueError(answer["failed"])
        report = SandboxReport(mode, answer["layers"], answer["missing"])
        needed = [name for name in MODES[mode] if not report.layers.get(name)]
        lacking = [f"{name} ({report.missing.get(name, 'absent')})" for name in needed]
        if lacking:
            raise SandboxUnavailable(
                f"The sandbox's mode {mode!r} needs {', '.join(lacking)}, which this system does not have; "
                "skills cannot run here."
            )
        return report

    def _read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            received = self._control.recv(count - len(data))
            if not received:
                raise EOFError
            data += received
        return data

    def _log_start(self) -> None:
        fields = event("sandbox.started", mode=self.report.mode, layers=list(self.report.active))
        if self.report.mode == "dev":
            log.warning("The sandbox has only processes and limits here; do not run untrusted skills", extra=fields)
        elif self.report.missing:
            # Only root can change the user, and the other layers do not depend on it.
            level = logging.INFO if set(self.report.missing) == {"user"} else logging.WARNING
            missing = {"missing": dict(self.report.missing)}
            log.log(level, "The sandbox lacks some of its layers", extra=fields | missing)
        else:
            log.info("The sandbox is ready", extra=fields)


def _command(fd: int, spares: int, folder: str, language: bool, preload: Sequence[str]) -> list[str]:
    """Return the command of a zygote, which has the module path of this process and reads no configuration."""
    places = [str(Path(__file__).parents[2]), *(place for place in sys.path if place)]
    start = (
        f"import sys; sys.path[:] = {list(dict.fromkeys(places))!r}; "
        "from ceos.sandbox.zygote import main; "
        f"main({fd}, {spares}, {folder!r}, {language!r}, {','.join(preload)!r})"
    )
    return [sys.executable, "-I", "-S", "-c", start]
