"""The process that locks itself once and then only forks; it never holds a secret.

The trusted side starts it with an empty environment and one socket. It loads the modules that skills may need, drops
every privilege that the kernel lets it drop, reports the layers, and keeps children ready. On the socket it sends the
socket and pidfd of each child; for every byte that it receives it forks one more. It ends with the socket, and its
children with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import warnings
from typing import Any

from ceos.sandbox import child, kernel, seccomp, wire

#: The exit code of a child that could not lock itself or serve its call.
_EXIT_LOST = 96
#: Descriptors: the standard three are /dev/null, then the socket to the trusted side.
_CONTROL = 3


def main(control_fd: int, spares: int, empty_folder: str, with_language: bool, preload: str) -> None:
    """Lock this process and serve until the other side closes the socket; never returns."""
    control = _keep_only(control_fd)
    # Python itself puts a variable there for the locale.
    os.environ.clear()
    # Nothing reads the warnings about a source.
    warnings.simplefilter("ignore")
    try:
        for name in filter(None, preload.split(",")):
            __import__(name)
        child.prepare(with_language)
        # Read now, because files cannot be opened once the process is locked.
        memory = kernel.memory_size()
        report = _lock(control, empty_folder)
    except BaseException as error:
        control.sendall(wire.pack_json({"failed": f"{type(error).__name__}: {error}"}))
        os._exit(1)
    control.sendall(wire.pack_json(report))
    _Zygote(control, seccomp.child_filter() if report["layers"].get("seccomp") else None, memory).serve(spares)


def _keep_only(control_fd: int) -> socket.socket:
    if control_fd != _CONTROL:
        os.dup2(control_fd, _CONTROL, inheritable=False)
    os.closerange(_CONTROL + 1, 4096)
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=_CONTROL)


def _lock(control: socket.socket, empty_folder: str) -> dict[str, Any]:
    """Apply all layers in the one possible order, and return those that hold and those that are missing.

    The user changes after the locks that need root and before those that need no privilege. The process namespace takes
    effect at a fork, whose parent only waits for the child.
    """
    layers: dict[str, Any] = {"process": True, "rlimits": True}
    missing: dict[str, str] = {}

    def attempt(layer: str, *steps: Any) -> None:
        try:
            for step in steps:
                result = step()
            layers[layer] = result if isinstance(result, int) else True
        except OSError as error:
            missing[layer] = error.strerror or type(error).__name__

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.chdir("/")
    if kernel.is_linux():
        attempt("oom", kernel.prefer_as_victim)
        attempt("namespaces", kernel.enter_namespaces)
        # Containers without namespaces often allow chroot to root.
        if layers.get("namespaces") or os.geteuid() == 0:
            attempt("root", lambda: kernel.leave_root(empty_folder))
    if os.geteuid() == 0:
        attempt("user", kernel.become_nobody)
    else:
        missing["user"] = "only root can become another user"
    if layers.get("namespaces"):
        _enter_process_namespace(control)
    if kernel.is_linux():
        attempt("no_new_privs", kernel.refuse_privileges)
        attempt("landlock", kernel.deny_files)
        attempt("capabilities", kernel.drop_capabilities)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if seccomp.is_supported() and kernel.is_linux():
        attempt("seccomp", seccomp.zygote_filter().apply)
    elif kernel.is_linux():
        missing["seccomp"] = f"there are no tables for {kernel.machine()}"
    gc.collect()
    gc.freeze()
    return {"layers": layers, "missing": missing, "pid": os.getpid()}


def _enter_process_namespace(control: socket.socket) -> None:
    """Fork into the new process namespace; the parent locks itself and waits for the child."""
    pid = os.fork()
    if pid == 0:
        kernel.die_with_parent()
        return
    control.close()
    try:
        kernel.refuse_privileges()
        kernel.drop_capabilities()
        if seccomp.is_supported():
            seccomp.zygote_filter().apply()
    finally:
        os.waitpid(pid, 0)
        os._exit(0)


class _Zygote:
    """Forks children, sends their sockets, and reaps them."""

    def __init__(self, control: socket.socket, child_filter: kernel.Filter | None, memory: int) -> None:
        self._control = control
        self._filter = child_filter
        #: The size of this process, which each child begins with.
        self._memory = memory
        #: Children by pidfd, or by pid where there are none: the pid, and our copy of the child's socket.
        self._children: dict[int, tuple[int, socket.socket]] = {}
        #: Polls our copies of the children's sockets for a closed other end.
        self._ends = select.poll()
        self._poll = select.poll()
        self._poll.register(control.fileno(), select.POLLIN)
        self._has_pidfd = _has_pidfd()

    def serve(self, spares: int) -> None:
        for _ in range(spares):
            self._fork()
        while True:
            # Without pidfds, ended and abandoned children are found by polling.
            for fd, _ in self._poll.poll(None if self._has_pidfd else 20):
                if fd == self._control.fileno():
                    self._serve_orders()
                else:
                    self._reap(fd)
            if not self._has_pidfd:
                self._end_abandoned()
                for pid in list(self._children):
                    self._reap(pid)

    def _serve_orders(self) -> None:
        try:
            orders = self._control.recv(64)
        except OSError:
            orders = b""
        if not orders:
            os._exit(0)
        for _ in orders:
            self._fork()
        self._end_abandoned()

    def _fork(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        pid = os.fork()
        if pid == 0:
            try:
                child.serve(theirs.fileno(), self._filter, self._memory)
            finally:
                os._exit(_EXIT_LOST)
        handle = os.pidfd_open(pid) if self._has_pidfd else pid
        handed = [ours.fileno(), handle] if self._has_pidfd else [ours.fileno()]
        try:
            socket.send_fds(self._control, [b"c"], handed)
        except OSError:
            os._exit(0)
        ours.close()
        self._children[handle] = (pid, theirs)
        self._ends.register(theirs.fileno(), 0)
        if self._has_pidfd:
            self._poll.register(handle, select.POLLIN)

    def _end_abandoned(self) -> None:
        """Kill the children whose socket the other side has closed.

        Usually the other side has killed them. It cannot without pidfds, because it does not know their process ids,
        nor in containers without CAP_KILL.
        """
        left = {fd for fd, _ in self._ends.poll(0)}
        for pid, theirs in self._children.values() if left else ():
            if theirs.fileno() in left:
                os.kill(pid, signal.SIGKILL)

    def _reap(self, handle: int) -> None:
        """Reap a child that has ended, and send its exit code on its socket for a caller that still waits."""
        pid, theirs = self._children[handle]
        done, status = os.waitpid(pid, os.WNOHANG)
        if not done:
            return
        del self._children[handle]
        self._ends.unregister(theirs.fileno())
        if self._has_pidfd:
            self._poll.unregister(handle)
            os.close(handle)
        # Usually the other end is closed: the call has ended.
        with contextlib.suppress(OSError):
            theirs.send(wire.pack_json({"t": "exit", "code": os.waitstatus_to_exitcode(status)}), socket.MSG_DONTWAIT)
        theirs.close()


def _has_pidfd() -> bool:
    """Say whether pidfds work: Python's build, the kernel and a seccomp filter may each prevent it."""
    try:
        handle = os.pidfd_open(os.getpid())
        try:
            signal.pidfd_send_signal(handle, 0)
        finally:
            os.close(handle)
    except (AttributeError, OSError):
        return False
    return True
