"""Strangers' code in processes that can reach nothing: `executor.Sandbox` is the trusted side.

One *zygote* is started with an empty environment, locks itself, and from then on only forks. Its children wait, locked
further, until one call arrives; each serves one call and dies. RestrictedPython compiles and guards what runs inside,
so that either layer may fall alone.

    executor    the trusted side: one call, from its source to its outcome
    processes   the trusted side's ends of the zygote and of a child
    verdicts    what the last frame of a child means
    wire        frames and plain data, for both sides
    zygote      the process that locks itself and forks
    child       one call inside a child
    kernel      namespaces, Landlock, capabilities and resource limits, by ctypes
    seccomp     which system calls are left, per architecture
    policy      which Python is compiled, with source, patterns, refusals and names beside it
    guards      what compiled code may touch while it runs, with attributes, classes and formatting
    modules     which modules it may import, and what they show, with timed (re) and hints (typing)

Nothing but the first three and `wire` is ever imported by a process that holds a secret.
"""
