"""Isolation of third-party code in locked processes; `executor.Sandbox` is the trusted side.

Two independent layers isolate a skill. One *zygote* is started with an empty environment, locks itself, and from then
on only forks; its children lock themselves further, wait for one call each, serve it, and end. Inside, RestrictedPython
compiles and guards the code.

    executor    the trusted side: one call, from its source to its outcome
    processes   the trusted side's ends of the zygote and of a child
    verdicts    the meaning of the last frame of a child
    wire        frames and plain data, for both sides
    zygote      the process that locks itself and forks
    child       one call inside a child
    kernel      namespaces, Landlock, capabilities and resource limits, by ctypes
    seccomp     the system calls that are left, per architecture
    policy      the Python that is compiled, with source, patterns, messages and names
    guards      the objects that compiled code can reach, with attributes, classes and formatting
    modules     the modules that it may import, with timed_re and hints (typing)
    documents   feeds and pages as plain data, in a child in which no skill runs

A process that holds a secret imports only the first three and `wire`.
"""
