"""The allowed system calls: filters for the zygote and for its children, per architecture.

A child that waits for a skill needs nothing more than to compute, to manage its memory, to read and write its one
descriptor, and to end. Calls that never happen by accident kill the process; all others are refused with EPERM.
"""

from __future__ import annotations

import struct

from ceos.sandbox import kernel

# From linux/seccomp.h and linux/audit.h.
_ALLOW, _KILL, _EPERM = 0x7FFF0000, 0x80000000, 0x00050001
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

#: System calls by name: numbers on x86_64 and on aarch64, where -1 means that it does not exist.
_NUMBERS: dict[str, tuple[int, int]] = {
    "read": (0, 63),
    "write": (1, 64),
    "open": (2, -1),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, -1),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "shmget": (29, 194),
    "madvise": (28, 233),
    "dup": (32, 23),
    "dup2": (33, -1),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
    "clone": (56, 220),
    "fork": (57, -1),
    "vfork": (58, -1),
    "execve": (59, 221),
    "exit": (60, 93),
    "wait4": (61, 260),
    "kill": (62, 129),
    "fcntl": (72, 25),
    "chmod": (90, -1),
    "gettimeofday": (96, 169),
    "getuid": (102, 174),
    "ptrace": (101, 117),
    "getppid": (110, 173),
    "sigaltstack": (131, 132),
    "mount": (165, 40),
    "umount2": (166, 39),
    "chroot": (161, 51),
    "prctl": (157, 167),
    "gettid": (186, 178),
    "time": (201, -1),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "exit_group": (231, 94),
    "tgkill": (234, 131),
    "waitid": (247, 95),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "openat": (257, 56),
    "unshare": (272, 97),
    "set_robust_list": (273, 99),
    "ppoll": (271, 73),
    "dup3": (292, 24),
    "perf_event_open": (298, 241),
    "prlimit64": (302, 261),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "seccomp": (317, 277),
    "getrandom": (318, 278),
    "memfd_create": (319, 279),
    "bpf": (321, 280),
    "execveat": (322, 281),
    "userfaultfd": (323, 282),
    "membarrier": (324, 283),
    "rseq": (334, 293),
    "set_tid_address": (218, 96),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "pidfd_open": (434, 434),
    "clone3": (435, 435),
    "close_range": (436, 436),
    "openat2": (437, 437),
    "pidfd_getfd": (438, 438),
    "landlock_restrict_self": (446, 446),
    "memfd_secret": (447, 447),
}

#: The calls of a child; `mmap` and `mprotect` not for executable memory, `prlimit64` not for other processes.
_CHILD = """
    read write close mmap mprotect munmap mremap brk madvise rt_sigprocmask rt_sigreturn sigaltstack setitimer
    getpid gettid getppid exit exit_group futex sched_yield clock_gettime clock_getres gettimeofday time getrandom
    restart_syscall membarrier rseq prlimit64
"""
#: Further calls of the zygote: to fork, to lock its children, and to send their sockets.
_ZYGOTE = """
    poll ppoll sendto recvfrom sendmsg recvmsg socketpair fork vfork clone clone3 set_tid_address set_robust_list
    wait4 waitid dup dup2 dup3 fcntl fstat prctl seccomp pidfd_open pidfd_send_signal kill close_range rt_sigaction
    getuid
"""
#: Calls that never happen by accident.
_DEADLY = """
    execve execveat ptrace socket connect accept bind listen process_vm_readv process_vm_writev bpf keyctl add_key
    userfaultfd io_uring_setup io_uring_enter unshare setns mount umount2 chroot move_mount open_tree fsopen
    perf_event_open memfd_create memfd_secret pidfd_getfd init_module finit_module name_to_handle_at
    open_by_handle_at shmget
"""
_DEADLY_FOR_CHILDREN = _DEADLY + "fork vfork clone3 seccomp"

# Offsets in struct seccomp_data: the number, the architecture, and the lower and upper half of an argument.
_NUMBER, _ARCHITECTURE = 0, 4
_PROT_EXEC = 4

_Instruction = tuple[int, int, int, int]


def is_supported() -> bool:
    """Say whether there are tables for this machine's architecture."""
    return kernel.machine() in _ARCHITECTURES


def zygote_filter() -> kernel.Filter:
    """Return the filter that the zygote puts on itself; children inherit it."""
    return kernel.Filter(_assemble(_CHILD + _ZYGOTE, _DEADLY))


def child_filter() -> kernel.Filter:
    """Return the filter that a child puts on itself before it sees a skill."""
    return kernel.Filter(_assemble(_CHILD, _DEADLY_FOR_CHILDREN))


def _assemble(allowed: str, deadly: str) -> bytes:
    """Return a classic BPF program: architecture, allowed calls, calls with checked arguments, deadly calls, EPERM."""
    program: list[_Instruction] = [_load(_ARCHITECTURE), _jump_equal(_ARCHITECTURES[kernel.machine()], 1, 0)]
    program += [_answer(_KILL), _load(_NUMBER)]
    if kernel.machine() == "x86_64":
        program += [_jump_at_least(_X32_BIT, 0, 1), _answer(_KILL)]
    checked = {"mmap": _without_exec, "mprotect": _without_exec, "prlimit64": _on_itself}
    for name in allowed.split():
        if name not in checked and _number(name) >= 0:
            program += [_jump_equal(_number(name), 0, 1), _answer(_ALLOW)]
    for name, check in checked.items():
        body = check()
        program += [_jump_equal(_number(name), 0, len(body)), *body]
    for name in deadly.split():
        if _number(name) >= 0:
            program += [_jump_equal(_number(name), 0, 1), _answer(_KILL)]
    program.append(_answer(_EPERM))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _without_exec() -> list[_Instruction]:
    protection = _load(_argument(2))
    return [protection, _jump_set(_PROT_EXEC, 0, 1), _answer(_EPERM), _answer(_ALLOW)]


def _on_itself() -> list[_Instruction]:
    pid = _load(_argument(0))
    return [pid, _jump_equal(0, 0, 1), _answer(_ALLOW), _answer(_EPERM)]


def _number(name: str) -> int:
    return _NUMBERS[name][list(_ARCHITECTURES).index(kernel.machine())]


def _argument(index: int) -> int:
    """Return the offset of the lower half of an argument; both architectures are little-endian."""
    return 16 + 8 * index


# Instructions of classic BPF, from linux/bpf_common.h.


def _load(offset: int) -> _Instruction:
    return (0x20, 0, 0, offset)


def _jump_equal(value: int, if_true: int, if_false: int) -> _Instruction:
    return (0x15, if_true, if_false, value)


def _jump_at_least(value: int, if_true: int, if_false: int) -> _Instruction:
    return (0x35, if_true, if_false, value)


def _jump_set(bits: int, if_true: int, if_false: int) -> _Instruction:
    return (0x45, if_true, if_false, bits)


def _answer(value: int) -> _Instruction:
    return (0x06, 0, 0, value)
