"""One call inside a child: lock, wait for the job, run it, answer, end.

The child reads nothing of a skill before it is locked. The answer is plain data in one frame; compiled code is returned
as bytes, which the trusted side passes on without reading them.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import marshal
import math
import os
import resource
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from ceos.sandbox import guards, kernel, policy, wire
from ceos.sandbox.names import FILENAME, as_written

#: The child's only descriptor.
_SOCKET = 0
#: Seconds beyond the time of the call after which the child ends itself if the trusted side has gone.
_GRACE_SECONDS = 10
#: The stack of a child.
_STACK_BYTES = 8 << 20
#: Address space of a waiting child beyond its own size; more than the largest limit of a skill.
_MAX_MEMORY = 512 << 20
#: Memory reserved for the answer of a skill that has used up its own.
_ANSWER_BYTES = 8 << 20
#: The longest message and the most traceback lines of a skill's error.
_MAX_MESSAGE_CHARS, _MAX_TRACE_LINES = 500, 20
#: Allocations between garbage collections: a call is short, and a collection copies pages.
_GC_THRESHOLD = 50_000

#: A skill that the zygote runs once, to load and warm everything up.
_WARM_UP = """
import json
import re
def run(ctx, params):
    found = [word.lower() for word in re.findall('[a-z]+', params['text'])]
    print(len(found))
    return json.loads(json.dumps({'found': sorted(found, key=lambda word: len(word)), 'now': f'{ctx.now}'}))
"""
_WARM_UP_JOB = """{"params": {"text": "warm up"}, "inputs": {}, "allowed": ["now"], "seed": "",
"now": "2026-01-01T00:00:00+00:00"}"""

_with_language = True


def prepare(with_language: bool) -> None:
    """Load and run everything once in the zygote, so that children start warm."""
    global _with_language  # noqa: PLW0603  # a process is a zygote of one kind for all its life
    _with_language = with_language
    output = guards.Output()
    code = marshal.dumps(policy.compile_skill(_WARM_UP, ("now",)))
    _answer_result(_execute(code, json.loads(_WARM_UP_JOB), output), output)
    _load_reader()
    guards.make_ahead(1)
    gc.set_threshold(_GC_THRESHOLD, 50, 50)


def _load_reader() -> None:
    """Load and run the reader of documents, without the hooks that its libraries would run in each forked child.

    The hooks renew the locks of threads and logs, which a child does not have, and copy half a megabyte of pages.
    """
    register, os.register_at_fork = os.register_at_fork, lambda **_: None
    try:
        from ceos.sandbox.documents import reader  # noqa: PLC0415  # without the hooks

        reader.warm_up()
    finally:
        os.register_at_fork = register


def serve(socket_fd: int, seccomp_filter: kernel.Filter | None, memory: int) -> NoReturn:
    """Lock this process, serve one call on the socket, and end."""
    if kernel.is_linux():
        kernel.die_with_parent()
    os.dup2(socket_fd, _SOCKET)
    os.closerange(1, 4096)
    limit = resource.setrlimit
    limit(resource.RLIMIT_NOFILE, (1, 1))
    limit(resource.RLIMIT_FSIZE, (0, 0))
    limit(resource.RLIMIT_STACK, (_STACK_BYTES, _STACK_BYTES))
    if kernel.is_linux():
        limit(resource.RLIMIT_NPROC, (0, 0))
        limit(resource.RLIMIT_AS, (memory + _MAX_MEMORY, memory + _MAX_MEMORY))
    if seccomp_filter is not None:
        seccomp_filter.apply()
    try:
        job = json.loads(wire.read_frame(_read))
        body = wire.read_frame(_read, wire.DOCUMENT_BYTES if job["do"] == "read" else wire.FRAME_BYTES)
    except EOFError:
        os._exit(0)
    _limit_call(job, memory)
    _write(_answer(job, body))
    os._exit(0)


def _limit_call(job: dict[str, Any], memory: int) -> None:
    seconds = job["seconds"]
    cpu = math.ceil(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    if kernel.is_linux():
        most = memory + (job["memory_mb"] << 20)
        # The rest is for the answer that reports the limit.
        resource.setrlimit(resource.RLIMIT_AS, (most, most + _ANSWER_BYTES))
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)


def _answer(job: dict[str, Any], body: bytes) -> bytes:
    """Carry out a job and return the frames that answer it."""
    output = guards.Output()
    try:
        if job["do"] == "compile":
            code = policy.compile_skill(body.decode(), job["allowed"])
            return wire.pack_json({"t": "code"}) + wire.pack(marshal.dumps(code))
        return _answer_result(_read_or_execute(job, body, output), output)
    except policy.Rejected as error:
        return wire.pack_json({"t": "rejected", "violations": error.violations})
    except MemoryError:
        if kernel.is_linux():
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        return wire.pack_json({"t": "limit", "kind": "memory", "out": output.lines()})
    except _Oversized as error:
        return wire.pack_json({"t": "limit", "kind": "output", "message": str(error), "out": output.lines()})
    except BaseException as error:
        return wire.pack_json({"t": "error", **_describe(error), "out": output.lines()})


def _read_or_execute(job: dict[str, Any], body: bytes, output: guards.Output) -> Any:
    if job["do"] == "read":
        from ceos.sandbox.documents import reader  # noqa: PLC0415  # loaded before the fork

        return reader.read_document(body=body, **job["document"])
    return (_execute if _with_language else _execute_unguarded)(body, job, output)


class _Oversized(Exception):
    """The result is too long."""


class _NotData(Exception):
    """The result is not plain data."""


def _execute(code: bytes, job: dict[str, Any], output: guards.Output) -> Any:
    now = dt.datetime.fromisoformat(job["now"]) if "now" in job["allowed"] else None
    namespace = guards.make_globals(output, job["seed"], now)
    # The bytes were compiled by another child; anything else would still be confined to this process.
    exec(marshal.loads(code), namespace)  # noqa: S102, S302
    if not callable(namespace.get("run")):
        raise _NotData("the skill no longer has a function run")
    return namespace["run"](_context(job, output), job["params"])


def _execute_unguarded(source: bytes, job: dict[str, Any], output: guards.Output) -> Any:
    """Run a source as plain Python, to test the kernel's layers alone."""
    namespace: dict[str, Any] = {"__name__": "skill"}
    exec(compile(source, FILENAME, "exec", dont_inherit=True), namespace)  # noqa: S102  # as above
    return namespace["run"](_context(job, output), job["params"])


# The result


def _answer_result(value: Any, output: guards.Output) -> bytes:
    frame = wire.pack_json({"t": "result", "v": _plain(value), "out": output.lines()})
    if len(frame) > wire.RESULT_BYTES:
        raise _Oversized(f"the result has more than {wire.RESULT_BYTES:,} bytes")
    return frame


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON data, by exact types: instances of subclasses are not data."""
    kind = type(value)
    if kind is str:
        return _checked_text(value)
    if kind is bool or value is None:
        return value
    if kind is int:
        if value.bit_length() > 63:
            raise _NotData("a whole number in the result has more than 64 bits; return it as a string")
        return value
    if kind is float:
        if not math.isfinite(value):
            raise _NotData("a number in the result is infinite or not a number; return None or a string instead")
        return value
    if depth >= wire.DEPTH:
        raise _NotData(f"the result is nested more than {wire.DEPTH} deep")
    if kind is dict:
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if kind in (list, tuple):
        return [_plain(item, depth + 1) for item in value]
    raise _NotData(
        f"the result holds a value of type {_name(kind)}, which is not plain data; "
        "return strings, numbers, booleans, None, lists and dicts"
    )


def _checked_text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _NotData("a text in the result holds half of a surrogate pair; remove it") from None
    return text


def _key(key: Any) -> str:
    if type(key) is str:
        return _checked_text(key)
    if type(key) in (int, bool, float) or key is None:
        return str(key)
    raise _NotData(f"a dict in the result has a key of type {_name(type(key))}; keys are strings")


def _describe(error: BaseException) -> dict[str, Any]:
    """Return type, message and traceback of an error, limited to lines of the skill.

    The skill may have made the error's class; code of that class runs in this process only.
    """
    trace: list[list[Any]] = []
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == FILENAME:
            trace.append([step.tb_lineno, as_written(step.tb_frame.f_code.co_name)[:60]])
        step = step.tb_next
    try:
        message = str.__getitem__(str(error), slice(_MAX_MESSAGE_CHARS))
    except BaseException:
        message = ""
    kind = "" if isinstance(error, _NotData) else _name(type(error))
    return {"type": kind, "message": _encodable(as_written(message)), "trace": trace[-_MAX_TRACE_LINES:]}


def _name(kind: type) -> str:
    return _encodable(str(type.__dict__["__name__"].__get__(kind)))[:60]


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# Calls of the host


class _Context:
    """The `ctx` of a skill, without the methods that it was not granted."""

    __slots__ = ("_found",)

    def __init__(self, found: dict[str, Any]) -> None:
        object.__setattr__(self, "_found", found)

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_found")[name]
        except KeyError:
            raise AttributeError(f"ctx has no {name!r}; methods that need a grant exist only with it") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("ctx is read-only")

    def __repr__(self) -> str:
        return "ctx"

    __delattr__ = __setattr__  # type: ignore[assignment]


def _context(job: dict[str, Any], output: guards.Output) -> _Context:
    found: dict[str, Any] = dict(job["inputs"])
    for name in job["allowed"]:
        if name == "now":
            found[name] = dt.datetime.fromisoformat(job["now"])
        elif name == "log":
            found[name] = _log_to(output)
        else:
            found[name] = _method(name)
    return _Context(found)


def _log_to(output: guards.Output) -> Callable[[Any], None]:
    def log(text: Any) -> None:
        output.write(f"{text}\n")

    return log


def _method(name: str) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return _ask_host(name, list(args), kwargs)

    return method


def _ask_host(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Send a call to the host and wait for its answer."""
    try:
        call = {"t": "call", "m": name, "a": _plain(args), "k": _plain(kwargs)}
    except _NotData as error:
        raise guards.HostError(str(error).replace("the result", f"an argument of ctx.{name}")) from None
    frame = wire.pack_json(call)
    if len(frame) > wire.PARAMS_BYTES:
        raise guards.HostError(f"ctx.{name} was given more than {wire.PARAMS_BYTES:,} bytes")
    _write(frame)
    answer = json.loads(wire.read_frame(_read))
    if "e" in answer:
        raise guards.HostError(answer["e"])
    return answer["v"]


def _read(count: int) -> bytes:
    read = os.read(_SOCKET, count)
    if len(read) == count:
        return read
    pieces = [read]
    missing = count - len(read)
    while missing:
        if not pieces[-1]:
            raise EOFError
        pieces.append(os.read(_SOCKET, min(missing, 1 << 16)))
        missing -= len(pieces[-1])
    return b"".join(pieces)


def _write(data: bytes) -> None:
    sent = os.write(_SOCKET, data)
    while sent < len(data):
        sent += os.write(_SOCKET, memoryview(data)[sent:])
