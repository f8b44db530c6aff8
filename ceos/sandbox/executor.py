"""The trusted side of the sandbox: runs each call in a child of its own and limits it from outside.

One `Sandbox` serves all threads of a process. It starts its zygote when it is first needed or asked to `warm` up, in
each process anew, and again when it has died. The time of a call begins when a child has its job: a busy machine
may take long to start a process, and that is not the skill's fault. A child is used once and killed, whatever it
answered.
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
from ceos.sandbox.processes import SLICE_MS, START_SECONDS, Child, Ended, Late, Report, Zygote
from ceos.sandbox.verdicts import Limits, Refused, Violation, error_of, lines_of

__all__ = ["Host", "Limits", "Outcome", "Report", "Sandbox", "Violation", "default_mode"]

#: How long no zygote is started after one that could not; one that was ended while it started may try so often.
REST_SECONDS, START_ATTEMPTS = 1.0, 10
#: How long a finished call waits for the chance to order a new child; whoever needs one then orders it.
REPLENISH_SECONDS = 0.05
#: A call waits this long for a process in all, and is tried so often if its process is ended from outside.
READY_SECONDS, TRIES = START_SECONDS, 3
#: Compiled skills kept in memory.
REMEMBERED = 512
#: How long a source may take to compile.
COMPILE_SECONDS = 5.0


@dataclass(frozen=True)
class Outcome:
    """What a skill returned, what it printed and logged, and how long the whole call took."""

    value: Any
    log: tuple[str, ...] = ()
    ms: float = 0.0
    calls: int = 0


class Host(Protocol):
    """Answers what a skill asks for; raises `HostRefused`. `deadline` is a `time.monotonic()`."""

    def __call__(self, method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        """Return plain JSON data."""


def default_mode() -> str:
    """Return the mode of this system."""
    return "standard" if sys.platform.startswith("linux") else "dev"


class Sandbox:
    """Runs strangers' sources; safe to use from many threads at once."""

    def __init__(
        self, *, mode: str | None = None, spares: int = 2, language: bool = True, preload: Sequence[str] = ()
    ) -> None:
        """`language=False` leaves RestrictedPython out, to show that the kernel's layers hold alone; `preload` are
        modules for that."""
        self._language = language
        self._settings = (mode or default_mode(), spares, language, tuple(preload))
        self._zygote: Zygote | None = None
        #: The thread that is starting a zygote now; one that a fork left behind, or that never began, is not alive.
        self._starter: threading.Thread | None = None
        self._ended_starts = 0
        #: Until when no zygote is started, and why.
        self._resting: tuple[float, str] = (0.0, "")
        self._codes: OrderedDict[str, bytes] = OrderedDict()
        self._make_locks()
        _sandboxes.add(self)

    def _make_locks(self) -> None:
        #: Guards the zygote and its starts, and is notified when a start has ended; see `_hold`.
        self._changed = threading.Condition()
        #: Guards the compiled skills, for no longer than they take to look at.
        self._remembering = threading.Lock()

    def run(
        self,
        source: str,
        params: Any = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        grants: Collection[str] = (),
        host: Host | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        seed: str = "",
        now: dt.datetime | None = None,
    ) -> Outcome:
        """Run `run(ctx, params)` of a source and return what it returned.

        `inputs` are attributes of `ctx`, `grants` decide which methods it has, `host` answers those, `seed` fixes
        the skill's random numbers. Raises a `SkillError`; `SandboxUnavailable` says that it was not the skill's fault.
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
        return Outcome(frame.get("v"), lines_of(frame), (time.monotonic() - call.begun) * 1000, call.count)

    def check(self, source: str, *, grants: Collection[str] = ()) -> list[Violation]:
        """Return everything the policy refuses in a source; the parsing, too, happens in a child."""
        try:
            self._code(source, sorted(wire.methods(grants)))
        except Refused as error:
            return error.violations
        return []

    def warm(self) -> None:
        """Start the zygote, so that the first call does not wait for it."""
        self.report()

    def report(self) -> Report:
        """Return which layers hold; raises `SandboxUnavailable` when the mode's own are missing."""
        deadline = time.monotonic() + 2 * START_SECONDS
        try:
            self._hold(deadline)
            return self._live_zygote(deadline).report
        finally:
            self._let_go()

    def close(self) -> None:
        """End the zygote and its children."""
        try:
            self._hold(time.monotonic() + START_SECONDS)
            self._changed.wait_for(lambda: not self._is_starting(), START_SECONDS)
            self._discard()
        finally:
            self._let_go()

    def _code(self, source: str, allowed: Sequence[str]) -> bytes:
        """Return the compiled source, as bytes that only a child ever reads."""
        key = hashlib.sha256(json.dumps([source, *allowed]).encode()).hexdigest()
        with self._remembering:
            known = self._codes.get(key)
        if known is not None:
            return known
        try:
            body = source.encode()
        except UnicodeEncodeError:
            raise Refused([Violation(None, None, "the source holds half of a surrogate pair; remove it")]) from None
        if len(body) > wire.SOURCE_BYTES:
            raise Refused([Violation(None, None, f"the source has more than {wire.SOURCE_BYTES:,} bytes; shorten it")])
        call = _Call(Limits(seconds=COMPILE_SECONDS), None, frozenset(), source, wants="code")
        frame = self._exchange({"do": "compile", "allowed": list(allowed)}, body, call)
        code: bytes = frame["code"]
        with self._remembering:
            if len(self._codes) >= REMEMBERED:
                self._codes.popitem(last=False)
            self._codes[key] = code
        return code

    def _exchange(self, job: dict[str, Any], body: bytes, call: _Call) -> dict[str, Any]:
        """Have a child carry out a job and return its last frame; raises a `SkillError`."""
        try:
            head = wire.pack_json({**job, "seconds": call.limits.seconds, "memory_mb": call.limits.memory_mb})
        except (TypeError, ValueError) as error:
            raise SkillFailed(f"The skill was given something that is not plain data: {error}.") from None
        if len(head) > wire.PARAMS_BYTES + wire.SOURCE_BYTES:
            raise SkillFailed(f"The skill was given more than {wire.PARAMS_BYTES:,} bytes of parameters.")
        message = head + wire.pack(body)
        ready_by = time.monotonic() + READY_SECONDS
        for attempt in range(1, TRIES + 1):
            try:
                return self._try(message, call, ready_by)
            except SandboxUnavailable:
                # Whatever ends a zygote ends its children. A call that has asked for nothing may begin again.
                if call.count or attempt == TRIES or self._resting[0] > time.monotonic():
                    raise
        raise AssertionError("the last try returns or raises")

    def _try(self, message: bytes, call: _Call, ready_by: float) -> dict[str, Any]:
        """Give a child its job, answer what it asks for, and return its last frame; kill it in any case."""
        zygote, child = self._take(ready_by)
        deadline = call.begin()
        has_begun = False
        try:
            child.send(message, deadline)
            has_begun = True
            return call.serve(child, deadline)
        except Late:
            raise SkillTimedOut(f"The skill took longer than {call.limits.seconds:.3g} s and was stopped.") from None
        except (EOFError, OSError):
            # Its socket closed without a word on how it died. As a rule the process that would have told us died first;
            # but a skill that has got hold of the socket may have made that word unreadable.
            if has_begun and self._is_standing(zygote):
                raise SkillFailed("The skill's process crashed.", kind="crashed") from None
            raise SandboxUnavailable("The sandbox's processes were ended from outside during a call.") from None
        finally:
            child.end()
            self._replenish()

    # The zygote

    def _take(self, deadline: float) -> tuple[Zygote, Child]:
        try:
            self._hold(deadline)
            zygote = self._live_zygote(deadline)
            try:
                return zygote, zygote.take(deadline)
            except Late:
                raise SandboxUnavailable("No process of the sandbox was free in time.") from None
            except (OSError, EOFError):
                self._discard()
                raise SandboxUnavailable("The sandbox's processes were ended from outside.") from None
        finally:
            self._let_go()

    def _replenish(self) -> None:
        """Order a new child now, rather than when somebody waits for it."""
        try:
            self._hold(time.monotonic() + REPLENISH_SECONDS)
            if self._zygote is not None and self._zygote.pid == os.getpid():
                self._zygote.replenish()
        except SandboxUnavailable:
            pass
        finally:
            self._let_go()

    def _is_standing(self, zygote: Zygote) -> bool:
        """Say whether a zygote is still at work."""
        # Without the lock: a thread that waits for a child may hold it for long.
        return zygote is self._zygote and not zygote.has_hung_up()

    def _hold(self, deadline: float) -> None:
        """Take the lock, or raise `SandboxUnavailable` when it is not to be had in time.

        Stands inside a `try` whose `finally` calls `_let_go`: Dramatiq may raise its exception in this thread as soon
        as the lock is taken, before anybody knows that it is.
        """
        while not self._changed.acquire(timeout=max(0.0, min(SLICE_MS / 1000, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise SandboxUnavailable("No process of the sandbox was free in time.")

    def _let_go(self) -> None:
        """Give the lock back, should this thread have it; the lock itself knows."""
        with contextlib.suppress(RuntimeError):
            self._changed.release()

    def _live_zygote(self, deadline: float) -> Zygote:
        """Return the zygote, started if need be: after a fork of this process its parent's is no good.

        It is started by a thread of its own, for a call may be over sooner, and the next one wants it too.
        """
        while True:
            zygote = self._zygote
            if zygote is not None and zygote.pid == os.getpid() and zygote.is_alive:
                return zygote
            self._discard()
            now = time.monotonic()
            if now < self._resting[0]:
                raise SandboxUnavailable(self._resting[1])
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
        # Whatever it is, somebody waits for the outcome, and nobody would see it in this thread.
        except Exception as error:
            failure = SandboxUnavailable(f"The sandbox could not be started: {type(error).__name__}: {error}.")
        with self._changed:
            self._zygote, self._starter = zygote, None
            self._ended_starts = self._ended_starts + 1 if isinstance(failure, Ended) else 0
            if failure and self._ended_starts % START_ATTEMPTS == 0:
                self._resting = (time.monotonic() + REST_SECONDS, str(failure))
            self._changed.notify_all()

    def _discard(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


#: All sandboxes of this process.
_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _begin_anew() -> None:
    # A thread that held a lock while this process was forked does not exist here, and would never let go. And the
    # zygote is another process's: to hold on to its socket is to keep it from ending with its own.
    for sandbox in list(_sandboxes):
        sandbox._make_locks()
        sandbox._discard()


os.register_at_fork(after_in_child=_begin_anew)


@dataclass
class _Call:
    """One call under way: what it may use, and how often it has asked the host."""

    limits: Limits
    host: Host | None
    methods: frozenset[str]
    source: str
    #: The frame that ends it well.
    wants: str = "result"
    count: int = 0
    #: When its last child had been found, by `time.monotonic()`.
    begun: float = 0.0

    def begin(self) -> float:
        """Let the time of the call begin, and return its deadline."""
        self.begun = time.monotonic()
        return self.begun + self.limits.seconds

    def serve(self, child: Child, deadline: float) -> dict[str, Any]:
        """Answer the child's calls until it says how it ended; raises what that means."""
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
                raise SkillForbidden(
                    f"The skill's process sent what no honest one sends ({error}).", kind="violation"
                ) from None

    def _answer(self, child: Child, frame: dict[str, Any], deadline: float) -> None:
        method, args, kwargs = frame.get("m"), frame.get("a"), frame.get("k")
        if type(method) is not str or type(args) is not list or type(kwargs) is not dict:
            raise wire.BadFrame("a call without method and arguments")
        self.count += 1
        if self.count > self.limits.calls:
            raise SkillFailed(f"The skill asked the host more than {self.limits.calls} times.", kind="calls")
        if method not in self.methods or self.host is None:
            raise SkillForbidden(f"The skill used ctx.{method[:40]}, which it was not granted.", kind="violation")
        try:
            answer = wire.pack_json({"v": self.host(method, args, kwargs, deadline)})
            # The child would not take it, and would read the rest as the next answer.
            if len(answer) > wire.FRAME_BYTES:
                raise HostRefused(f"What ctx.{method} found is too large to be handed over.")
        except HostRefused as error:
            answer = wire.pack_json({"e": str(error)})
        if time.monotonic() >= deadline:
            raise Late
        child.send(answer, deadline)
