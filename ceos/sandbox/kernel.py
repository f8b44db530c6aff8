"""The kernel's restrictions of a process, by ctypes: namespaces, the root, capabilities, Landlock and seccomp.

Everything here acts on the calling process and cannot be undone. Numbers are from the kernel's uapi headers; they are
the same on x86_64 and aarch64. Functions raise `OSError` when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from functools import cache
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
_SECCOMP_MODE_FILTER = 2
_NEWUSER = 0x10000000
#: Mounts, control groups, host name, System V IPC, processes, network.
_NEW_EVERYTHING_ELSE = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT, _LANDLOCK_VERSION = 444, 446, 1
_CAPABILITY_VERSION_3 = 0x20080522
#: More than the number of capabilities; the kernel reports the end of its list.
_CAPABILITIES = 64

_NOBODY = 65534


@cache
def machine() -> str:
    """Return the architecture, such as x86_64."""
    return platform.machine()


def is_linux() -> bool:
    """Say whether this is Linux, the only system with these restrictions."""
    return sys.platform.startswith("linux")


def _function(name: str, result: Any = ctypes.c_int) -> Any:
    """Return a function of the C library, or None where it does not exist."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is not None:
        function.restype = result
    return function


# Looked up once, before any fork: a lookup in each child would copy some hundred kilobytes of pages.
_functions = {name: _function(name) for name in ("prctl", "unshare", "capset")}
# Only this one returns a long; the upper half of the others' results is undefined.
_functions["syscall"] = _function("syscall", ctypes.c_long)


def _call(name: str, *arguments: int | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call a function of the C library with word-sized arguments; raises `OSError`."""
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = int(_functions[name](*words))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _prctl(option: int, value: int = 0, more: int = 0) -> None:
    _call("prctl", option, value, more, 0, 0)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def refuse_privileges() -> None:
    """Give up privileges gained by execution, and deny inspection of this process to others of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def enter_namespaces() -> None:
    """Enter new namespaces of network, mounts, IPC, host name, control groups and, from the next fork, processes.

    An ordinary user needs a user namespace as well, root does not.
    """
    user = 0 if os.geteuid() == 0 else _NEWUSER
    _call("unshare", user | _NEW_EVERYTHING_ELSE)


def leave_root(folder: str) -> None:
    """Make an empty folder the root, so that no file can be named."""
    os.chroot(folder)
    os.chdir("/")


def become_nobody() -> None:
    """Change from root to the user nobody, irrevocably."""
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def drop_capabilities() -> None:
    """Drop all capabilities, those of a user namespace too, and the right to regain them."""
    for number in range(_CAPABILITIES):
        try:
            _prctl(_PR_CAPBSET_DROP, number)
        except OSError:
            # Either the list ends here, or this process has no capability to change it, and so none to drop.
            break
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), 8)
    _call("capset", header, ctypes.create_string_buffer(24))


def deny_files() -> int:
    """Have Landlock refuse access to files, TCP ports, abstract sockets and outside signals; return its version.

    Raises `OSError` where the kernel has no Landlock.
    """
    version = _call("syscall", _LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    # Each version of the interface adds rights and refuses unknown ones.
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    network = 3 if version >= 4 else 0
    scopes = 3 if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = ctypes.create_string_buffer(struct.pack("=QQQ", files, network, scopes)[:size], size)
    handle = _call("syscall", _LANDLOCK_CREATE, rules, size, 0)
    try:
        _call("syscall", _LANDLOCK_RESTRICT, handle, 0)
    finally:
        os.close(handle)
    return version


class Filter:
    """A seccomp filter in the memory layout of the kernel."""

    def __init__(self, program: bytes) -> None:
        self._code = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(self._code))
        self._header = ctypes.create_string_buffer(header, len(header))
        self._address = ctypes.addressof(self._header)

    def apply(self) -> None:
        """Filter the system calls of this process and of its later children."""
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, self._address)


def prefer_as_victim() -> None:
    """Have the kernel kill this process first when memory runs out."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123  # pathlib costs memory here
        file.write("1000")


def memory_size() -> int:
    """Return the size of this process's address space in bytes, or 0 where it is unknown."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  # pathlib costs memory here
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
