"""The trusted side of the sandbox: runs each call in its own child and limits it from outside.

One `Sandbox` serves all threads of a process. It starts its zygote at the first call or at `warm`, in each process
again, and restarts it after its death. The time of a call begins when a child has been found: the time that a busy
machine takes to start a process does not count. A child is used once and then killed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ceos.errors import HostRefused, SandboxUnavailable, SkillFailed, SkillForbidden, SkillTimedOut
from ceos.sandbox import wire
from ceos.sandbox.processes import SLICE_MS, START_SECONDS, Child, Ended, Late, SandboxReport, Zygote
from ceos.sandbox.verdicts import SandboxLimits, SourceRefused, Violation, error_of, lines_of

__all__ = ["Host", "Sandbox", "SandboxLimits", "SandboxOutcome", "SandboxReport", "Violation", "default_mode"]

#: Seconds without a new start after one that failed, and the starts in a row that may be ended from outside.
RETRY_SECONDS, START_ATTEMPTS = 1.0, 10
#: Seconds that a finished call waits for the lock to order a new child; otherwise the next call orders it.
REPLENISH_SECONDS = 0.05
#: Seconds that a call waits for a process in all, and its tries when its processes are ended from outside.
READY_SECONDS, TRIES = START_SECONDS, 3
#: Compiled skills kept in memory.
MAX_COMPILED = 512
#: Seconds that a source may take to compile.
COMPILE_SECONDS = 5.0
#: Megabytes that the reading of a document may take.
READ_MEMORY_MB = 192


@dataclass(frozen=True)
class SandboxOutcome:
    """The result of a call: value, printed and logged lines, milliseconds, and calls of the host."""

    value: Any
    log: tuple[str, ...] = ()
    ms: float = 0.0
    calls: int = 0


class Host(Protocol):
    """Answers the calls of a skill or raises `HostRefused`; `deadline` is a `time.monotonic()`."""

    def __call__(self, method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        """Return plain JSON data."""


def default_mode() -> str:
    """Return the mode for this system."""
    return "standard" if sys.platform.startswith("linux") else "dev"


class Sandbox:
    """Runs third-party sources; safe to use from many threads at once."""

    def __init__(
        self, *, mode: str | None = None, spares: int = 2, language: bool = True, preload: Sequence[str] = ()
    ) -> None:
        """Create a sandbox; its zygote starts later.

        `language=False` leaves RestrictedPython out and loads the modules `preload`, for tests of the kernel's layers.
        """
        self._language = language
        self._settings = (mode or default_mode(), spares, language, tuple(preload))
        self._zygote: Zygote | None = None
        #: The thread that starts a zygote; after a fork, or if it never began, it is not alive.
        self._starter: threading.Thread | None = None
        self._ended_starts = 0
        #: The time until which no zygote is started, and the reason.
        self._paused: tuple[float, str] = (0.0, "")
        self._codes: OrderedDict[str, bytes] = OrderedDict()
        self._make_locks()
        _sandboxes.add(self)

    def _make_locks(self) -> None:
        #: Guards the zygote and its starts, and is notified when a start has ended; see `_acquire`.
        self._changed = threading.Condition()
        #: Guards the compiled skills.
        self._codes_lock = threading.Lock()

    def run(
        self,
        source: str,
        params: Any = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        grants: Collection[str] = (),
        host: Host | None = None,
        limits: SandboxLimits = SandboxLimits(),  # noqa: B008  # frozen
        seed: str = "",
        now: dt.datetime | None = None,
    ) -> SandboxOutcome:
        """Run `run(ctx, params)` of a source and return its outcome.

        `inputs` are attributes of `ctx`, `grants` decide which methods it has, `host` answers calls of these, and
        `seed` fixes the skill's random numbers. Raises a `SkillError`, `SandboxUnavailable` among them.
        """
        allowed = sorted(wire.methods(grants))
        job = {
            "do": "run",
            "params": params,
            "inputs": dict(inputs or {}),
            "allowed": allowed,
            "seed": seed,
            "now": (now or dt.datetime.now(dt.UTC)).isoformat(),
        }
        code = self._code(source, allowed) if self._language else source.encode("utf-8", "surrogatepass")
        call = _Call(limits, host, frozenset(allowed) - {"log", "now"}, source)
        frame = self._exchange(job, code, call)
        return SandboxOutcome(frame.get("v"), lines_of(frame), (time.monotonic() - call.begun) * 1000, call.count)

    def read_document(self, kind: str, body: bytes, *, url: str, content_type: str, label: str, seconds: float) -> Any:
        """Return a feed or a page as plain data, or the reason why it is neither under `unreadable`.

        A child in which no skill runs reads it; see `documents.reader`. Raises a `SkillError`.
        """
        if len(body) > wire.DOCUMENT_BYTES:
            raise SkillFailed(f"The document has more than {wire.DOCUMENT_BYTES:,} bytes.")
        document = {"kind": kind, "url": url, "content_type": content_type, "label": label}
        call = _Call(SandboxLimits(seconds, READ_MEMORY_MB), None, frozenset(), "")
        return self._exchange({"do": "read", "document": document}, body, call).get("v")

    def check(self, source: str, *, grants: Collection[str] = ()) -> list[Violation]:
        """Return all violations of the policy in a source, which is parsed in a child."""
        try:
            self._code(source, sorted(wire.methods(grants)))
        except SourceRefused as error:
            return error.violations
        return []

    def warm(self) -> None:
        """Start the zygote, so that the first call does not wait for it."""
        self.report()

    def report(self) -> SandboxReport:
        """Return the active layers; raises `SandboxUnavailable` when a layer of the mode is missing."""
        deadline = time.monotonic() + 2 * START_SECONDS
        try:
            self._acquire(deadline)
            return self._live_zygote(deadline).report
        finally:
            self._release()

    def close(self) -> None:
        """End the zygote and its children."""
        try:
            self._acquire(time.monotonic() + START_SECONDS)
            self._changed.wait_for(lambda: not self._is_starting(), START_SECONDS)
            self._discard()
        finally:
            self._release()

    def _code(self, source: str, allowed: Sequence[str]) -> bytes:
        """Return the compiled source as bytes, which only a child reads."""
        key = hashlib.sha256(json.dumps([source, *allowed]).encode()).hexdigest()
        with self._codes_lock:
            code = self._codes.get(key)
        if code is not None:
            return code
        try:
            body = source.encode()
        except UnicodeEncodeError:
            raise SourceRefused(
                [Violation(None, None, "the source holds half of a surrogate pair; remove it")]
            ) from None
        if len(body) > wire.SOURCE_BYTES:
            raise SourceRefused(
                [Violation(None, None, f"the source has more than {wire.SOURCE_BYTES:,} bytes; shorten it")]
            )
        call = _Call(SandboxLimits(seconds=COMPILE_SECONDS), None, frozenset(), source, wants="code")
        frame = self._exchange({"do": "compile", "allowed": list(allowed)}, body, call)
        code = bytes(frame["code"])
        with self._codes_lock:
            if len(self._codes) >= MAX_COMPILED:
                self._codes.popitem(last=False)
            self._codes[key] = code
        return code

    def _exchange(self, job: dict[str, Any], body: bytes, call: _Call) -> dict[str, Any]:
        """Have a child carry out a job and return its last frame; raises a `SkillError`."""
        try:
            head = wire.pack_json({**job, "seconds": call.limits.seconds, "memory_mb": call.limits.memory_mb})
        except (TypeError, ValueError) as error:
            raise SkillFailed(f"The skill was given parameters that are not plain data: {error}.") from None
        if len(head) > wire.PARAMS_BYTES + wire.SOURCE_BYTES:
            raise SkillFailed(f"The skill was given more than {wire.PARAMS_BYTES:,} bytes of parameters.")
        message = head + wire.pack(body)
        ready_by = time.monotonic() + READY_SECONDS
        for attempt in range(1, TRIES + 1):
            try:
                return self._try(message, call, ready_by)
            except SandboxUnavailable:
                # The end of a zygote ends its children. A call that has not used the host may start again.
                if call.count or attempt == TRIES or self._paused[0] > time.monotonic():
                    raise
        raise AssertionError("the last try returns or raises")

    def _try(self, message: bytes, call: _Call, ready_by: float) -> dict[str, Any]:
        """Give a child its job, answer its calls, and return its last frame; kill it in any case."""
        zygote, child = self._take(ready_by)
        before = child.processor_seconds()
        deadline = call.begin()
        has_begun = False
        try:
            child.send(message, deadline)
            has_begun = True
            return call.serve(child, deadline)
        except Late:
            if words := child.starvation(before, call.limits.seconds):
                raise SandboxUnavailable(words) from None
            raise SkillTimedOut(f"The skill took longer than {call.limits.seconds:.3g} s and was stopped.") from None
        except (EOFError, OSError):
            # The socket closed without an exit frame. Usually the zygote, which sends it, died first; but a skill that
            # reached the socket may have made the frame unreadable.
            if has_begun and self._is_standing(zygote):
                raise SkillFailed("The skill's process crashed.", kind="crashed") from None
            raise SandboxUnavailable("The sandbox's processes were ended from outside during a call.") from None
        finally:
            child.end()
            self._replenish()

    # The zygote

    def _take(self, deadline: float) -> tuple[Zygote, Child]:
        try:
            self._acquire(deadline)
            zygote = self._live_zygote(deadline)
            try:
                return zygote, zygote.take(deadline)
            except Late:
                raise SandboxUnavailable("No process of the sandbox was free in time.") from None
            except (OSError, EOFError):
                self._discard()
                raise SandboxUnavailable("The sandbox's processes were ended from outside.") from None
        finally:
            self._release()

    def _replenish(self) -> None:
        """Order a new child before the next call needs it."""
        try:
            self._acquire(time.monotonic() + REPLENISH_SECONDS)
            if self._zygote is not None and self._zygote.pid == os.getpid():
                self._zygote.replenish()
        except SandboxUnavailable:
            pass
        finally:
            self._release()

    def _is_standing(self, zygote: Zygote) -> bool:
        """Say whether a zygote still runs."""
        # Without the lock: a thread that waits for a child may hold it for long.
        return zygote is self._zygote and not zygote.has_hung_up()

    def _acquire(self, deadline: float) -> None:
        """Acquire the lock, or raise `SandboxUnavailable` at the deadline.

        Call this inside a `try` whose `finally` calls `_release`: Dramatiq may raise its exception in this thread
        between the acquisition and the return of this method.
        """
        while not self._changed.acquire(timeout=max(0.0, min(SLICE_MS / 1000, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise SandboxUnavailable("No process of the sandbox was free in time.")

    def _release(self) -> None:
        """Release the lock if this thread holds it."""
        with contextlib.suppress(RuntimeError):
            self._changed.release()

    def _live_zygote(self, deadline: float) -> Zygote:
        """Return the zygote of this process, started if necessary; that of a parent before a fork does not count.

        A thread of its own starts it, because the call may end before the start does, and later calls use it too.
        """
        while True:
            zygote = self._zygote
            if zygote is not None and zygote.pid == os.getpid() and zygote.is_alive:
                return zygote
            self._discard()
            now = time.monotonic()
            if now < self._paused[0]:
                raise SandboxUnavailable(self._paused[1])
            if now >= deadline:
                raise SandboxUnavailable("The sandbox was not ready in time.")
            if not self._is_starting():
                self._starter = threading.Thread(target=self._start, name="ceos-sandbox-start", daemon=True)
                try:
                    self._starter.start()
                except RuntimeError as error:
                    raise SandboxUnavailable(f"The sandbox could not be started: {error}.") from None
            self._changed.wait(min(SLICE_MS / 1000, deadline - now))

    def _is_starting(self) -> bool:
        return self._starter is not None and self._starter.is_alive()

    def _start(self) -> None:
        zygote, failure = None, None
        try:
            zygote = Zygote(*self._settings)
        except SandboxUnavailable as error:
            failure = error
        # A call waits for the outcome, and an exception in this thread would be lost.
        except Exception as error:
            failure = SandboxUnavailable(f"The sandbox could not be started: {type(error).__name__}: {error}.")
        with self._changed:
            self._zygote, self._starter = zygote, None
            self._ended_starts = self._ended_starts + 1 if isinstance(failure, Ended) else 0
            if failure and self._ended_starts % START_ATTEMPTS == 0:
                self._paused = (time.monotonic() + RETRY_SECONDS, str(failure))
            self._changed.notify_all()

    def _discard(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


#: All sandboxes of this process.
_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _reset_after_fork() -> None:
    # A thread that held a lock during the fork does not exist here and would never release it. The zygote belongs to
    # the parent: an open copy of its socket would keep it alive after the parent's end.
    for sandbox in list(_sandboxes):
        sandbox._make_locks()
        sandbox._discard()


os.register_at_fork(after_in_child=_reset_after_fork)


@dataclass
class _Call:
    """A call in progress: its limits, its methods, and the number of calls of the host."""

    limits: SandboxLimits
    host: Host | None
    methods: frozenset[str]
    source: str
    #: The type of the frame that ends the call successfully.
    wants: str = "result"
    count: int = 0
    #: The start of its time, by `time.monotonic()`.
    begun: float = 0.0

    def begin(self) -> float:
        """Start the time of the call and return its deadline."""
        self.begun = time.monotonic()
        return self.begun + self.limits.seconds

    def serve(self, child: Child, deadline: float) -> dict[str, Any]:
        """Answer the child's calls until its last frame and return that; raises a `SkillError` for any but success."""
        while True:
            try:
                frame = wire.parse(child.frame(deadline))
                kind = frame.get("t")
                if kind == self.wants:
                    return {"code": child.frame(deadline)} if kind == "code" else frame
                if kind == "call":
                    self._answer(child, frame, deadline)
                else:
                    raise error_of(frame, self.limits, self.source)
            except wire.BadFrame as error:
                raise SkillForbidden(f"The skill's process broke the protocol ({error}).", kind="violation") from None

    def _answer(self, child: Child, frame: dict[str, Any], deadline: float) -> None:
        method, args, kwargs = frame.get("m"), frame.get("a"), frame.get("k")
        if type(method) is not str or type(args) is not list or type(kwargs) is not dict:
            raise wire.BadFrame("a call without method and arguments")
        self.count += 1
        if self.count > self.limits.calls:
            raise SkillFailed(f"The skill called the host more than {self.limits.calls} times.", kind="calls")
        if method not in self.methods or self.host is None:
            raise SkillForbidden(f"The skill used ctx.{method[:40]}, which it was not granted.", kind="violation")
        try:
            answer = wire.pack_json({"v": self.host(method, args, kwargs, deadline)})
            # The child would refuse it and read the rest as the next answer.
            if len(answer) > wire.FRAME_BYTES:
                raise HostRefused(f"The result of ctx.{method} is too large.")
        except HostRefused as error:
            answer = wire.pack_json({"e": str(error)})
        if time.monotonic() >= deadline:
            raise Late
        child.send(answer, deadline)
