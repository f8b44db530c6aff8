"""The trusted side's ends of the sandbox's processes: starting a zygote, taking children from it, talking to them."""

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

#: What the kernel must offer in each mode. `dev` is for systems other than Linux.
MODES: dict[str, tuple[str, ...]] = {
    "strict": ("namespaces", "root", "landlock", "seccomp", "no_new_privs", "capabilities"),
    "standard": ("seccomp", "no_new_privs"),
    "dev": (),
}
#: Every layer there is, in the order `ceos doctor` names them.
LAYERS = ("process", "rlimits", "user", "namespaces", "root", "no_new_privs", "capabilities", "landlock", "seccomp")

#: A zygote has this long to start. It takes half a second; the rest is for machines that are busy.
START_SECONDS = 60.0
#: One that has given nobody a child for so long while somebody waited is stuck.
STALL_SECONDS = 20.0
#: Dramatiq stops a message by an exception that is raised between two instructions of Python, so no wait is longer.
SLICE_MS = 250
#: Between the end of a child's socket and that of its zygote's, when both end, lies less than this.
HANG_UP_MS = 500


class Late(Exception):
    """The deadline has passed."""


class Ended(SandboxUnavailable):
    """The sandbox's process ended while it started."""


@dataclass(frozen=True)
class Report:
    """Which layers protect this process from skills, and why the others are missing."""

    mode: str
    layers: Mapping[str, Any]
    missing: Mapping[str, str]

    @property
    def active(self) -> tuple[str, ...]:
        """The names of the layers that hold."""
        return tuple(name for name in LAYERS if self.layers.get(name))


class Child:
    """The trusted side's end of one child."""

    def __init__(self, connection: socket.socket, pidfd: int | None) -> None:
        self._socket = connection
        #: None where the system has no such thing; the zygote then kills whoever's socket is closed here. Never by its
        #: number: that is one of the child's own namespace, and somebody else's here.
        self._pidfd = pidfd
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLIN)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`; raises `Late`, also when the child does not read."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._poll.modify(self._socket.fileno(), select.POLLOUT)
                self._wait(deadline)
                self._poll.modify(self._socket.fileno(), select.POLLIN)

    def frame(self, deadline: float) -> bytes:
        """Return the next frame's body; raises `Late`, `EOFError`, or `BadFrame` before reading a longer one."""
        return wire.read_frame(lambda count: self._read(count, deadline))

    def end(self) -> None:
        """Kill the child, if it still lives, and let go of it."""
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

    # For the one that Dramatiq's exception kept from reaching whoever would have ended it.
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


class Zygote:
    """The trusted side's end of a zygote; used under the sandbox's lock."""

    def __init__(self, mode: str, spares: int, language: bool, preload: Sequence[str]) -> None:
        self.pid = os.getpid()
        self._spares = spares
        #: Children that wait in the socket or were ordered.
        self._ready = spares
        #: Since when somebody has waited for a child in vain.
        self._silent_since: float | None = None
        try:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise SandboxUnavailable(f"The sandbox could not be started: {error}.") from None
        self._poll = select.poll()
        self._poll.register(self._control.fileno(), select.POLLIN)
        folder = ""
        try:
            # It becomes the zygote's root and is removed while it is that: nothing can be put into it any more.
            folder = tempfile.mkdtemp(prefix="ceos-sandbox-")
            # Its words are ours alone: the interpreter, numbers, and a folder of our own making.
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
        self._tell()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def take(self, deadline: float) -> Child:
        """Return a waiting child, or a new one; raises `Late`, or `EOFError` when the zygote is of no more use."""
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
        # Descriptors must not be inherited by whatever this process starts at the same moment.
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        message, fds, found, _ = socket.recv_fds(self._control, 1, 2, flags)
        if not message:
            raise EOFError
        if found & socket.MSG_CTRUNC or not fds:
            # With its socket the child ends, which has not been told anything yet.
            for fd in fds:
                os.close(fd)
            raise SandboxUnavailable("This process has too many files open to take a process of the sandbox.")
        for fd in fds if not flags else ():
            os.set_inheritable(fd, False)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fds[0])
        return Child(connection, fds[1] if len(fds) > 1 else None)

    def has_hung_up(self) -> bool:
        """Say whether it has ended; what it held is let go of one by one, so this is asked with a little patience."""
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
        """End it: the end of its socket is its order to die, and the kernel's to its children."""
        self._control.close()
        process = getattr(self, "_process", None)
        if process is None or self.pid != os.getpid():
            return
        # Where root may not kill (containers without CAP_KILL), the end of the socket has to do.
        with contextlib.suppress(PermissionError):
            process.kill()
        process.wait()

    def _order(self) -> None:
        self._control.send(b"n")
        self._ready += 1

    def _read_report(self, mode: str) -> Report:
        self._control.settimeout(START_SECONDS)
        answer = wire.parse(wire.read_frame(self._read_exactly))
        self._control.settimeout(None)
        if "failed" in answer:
            raise ValueError(answer["failed"])
        report = Report(mode, answer["layers"], answer["missing"])
        needed = [name for name in MODES[mode] if not report.layers.get(name)]
        lacking = [f"{name} ({report.missing.get(name, 'absent')})" for name in needed]
        if lacking:
            raise SandboxUnavailable(
                f"The sandbox's mode {mode!r} needs {', '.join(lacking)}, which this system does not give; "
                "skills do not run here."
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

    def _tell(self) -> None:
        fields = event("sandbox.started", mode=self.report.mode, layers=list(self.report.active))
        if self.report.mode == "dev":
            log.warning("The sandbox has only processes and limits here; run no strangers' skills", extra=fields)
        elif self.report.missing:
            # An ordinary user can become no other, and loses little: the other layers hold without it.
            level = logging.INFO if set(self.report.missing) == {"user"} else logging.WARNING
            missing = {"missing": dict(self.report.missing)}
            log.log(level, "The sandbox runs without some of its layers", extra=fields | missing)
        else:
            log.info("The sandbox is ready", extra=fields)


def _command(fd: int, spares: int, folder: str, language: bool, preload: Sequence[str]) -> list[str]:
    """Return the command of a zygote, which finds modules where this process does and reads no setting of anybody's."""
    places = [str(Path(__file__).parents[2]), *(place for place in sys.path if place)]
    start = (
        f"import sys; sys.path[:] = {list(dict.fromkeys(places))!r}; "
        "from ceos.sandbox.zygote import main; "
        f"main({fd}, {spares}, {folder!r}, {language!r}, {','.join(preload)!r})"
    )
    return [sys.executable, "-I", "-S", "-c", start]
