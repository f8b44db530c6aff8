"""The trusted side of the sandbox: runs each call in a child of its own and limits it from outside.

One `Sandbox` serves all threads of a process. It starts its zygote when it is first needed or asked to `warm` up, in
each process anew, and again when it has died. Every call has one deadline for everything; a child is used once and
killed, whatever it answered.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from ceos.errors import HostRefused, SandboxUnavailable, SkillFailed, SkillForbidden, SkillTimedOut
from ceos.sandbox import wire
from ceos.sandbox.processes import START_SECONDS, Child, Ended, Late, Report, Zygote
from ceos.sandbox.verdicts import Limits, Refused, Violation, error_of, lines_of

__all__ = ["Host", "Limits", "Outcome", "Report", "Sandbox", "Violation", "default_mode"]

#: How long no zygote is started after one that could not; one that was ended while it started may try so often.
REST_SECONDS, START_ATTEMPTS = 1.0, 10
#: How long a finished call waits for the chance to order a new child; whoever needs one then orders it.
REPLENISH_SECONDS = 0.05
#: A call whose process was ended from outside is tried so often in all, within its deadline.
TRIES = 3
#: Compiled skills kept in memory.
REMEMBERED = 512
#: How long a source may take to compile when it is only checked.
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
        #: Guards everything below, and is notified when a start has ended.
        self._changed = threading.Condition()
        self._zygote: Zygote | None = None
        #: The process in which a thread is starting a zygote now.
        self._starting: int | None = None
        self._ended_starts = 0
        #: Until when no zygote is started, and why.
        self._resting: tuple[float, str] = (0.0, "")
        self._codes: OrderedDict[str, bytes] = OrderedDict()

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
        started = time.monotonic()
        deadline = started + limits.seconds
        allowed = sorted(wire.methods(grants))
        job = {
            "do": "run",
            "params": params,
            "inputs": dict(inputs or {}),
            "allowed": allowed,
            "seed": seed,
            "now": (now or dt.datetime.now(dt.UTC)).isoformat(),
        }
        code = self._code(source, allowed, deadline) if self._language else source.encode("utf-8", "surrogatepass")
        call = _Call(limits, host, frozenset(allowed) - {"log", "now"}, source)
        frame = self._exchange(job, code, call, deadline)
        return Outcome(frame.get("v"), lines_of(frame), (time.monotonic() - started) * 1000, call.count)

    def check(self, source: str, *, grants: Collection[str] = ()) -> list[Violation]:
        """Return everything the policy refuses in a source; the parsing, too, happens in a child."""
        try:
            self._code(source, sorted(wire.methods(grants)), time.monotonic() + COMPILE_SECONDS)
        except Refused as error:
            return error.violations
        return []

    def warm(self) -> None:
        """Start the zygote, so that the first call does not wait for it."""
        self.report()

    def report(self) -> Report:
        """Return which layers hold; raises `SandboxUnavailable` when the mode's own are missing."""
        with self._changed:
            return self._live_zygote(time.monotonic() + 2 * START_SECONDS).report

    def close(self) -> None:
        """End the zygote and its children."""
        with self._changed:
            self._changed.wait_for(lambda: self._starting != os.getpid(), START_SECONDS)
            self._discard()

    def _code(self, source: str, allowed: Sequence[str], deadline: float) -> bytes:
        """Return the compiled source, as bytes that only a child ever reads."""
        key = hashlib.sha256(json.dumps([source, *allowed]).encode()).hexdigest()
        if key in self._codes:
            return self._codes[key]
        try:
            body = source.encode()
        except UnicodeEncodeError:
            raise Refused([Violation(None, None, "the source holds half of a surrogate pair; remove it")]) from None
        if len(body) > wire.SOURCE_BYTES:
            raise Refused([Violation(None, None, f"the source has more than {wire.SOURCE_BYTES:,} bytes; shorten it")])
        limits = Limits(seconds=max(0.1, deadline - time.monotonic()))
        call = _Call(limits, None, frozenset(), source, wants="code")
        frame = self._exchange({"do": "compile", "allowed": list(allowed)}, body, call, deadline)
        with self._changed:
            if len(self._codes) >= REMEMBERED:
                self._codes.popitem(last=False)
            self._codes[key] = frame["code"]
        code: bytes = frame["code"]
        return code

    def _exchange(self, job: dict[str, Any], body: bytes, call: _Call, deadline: float) -> dict[str, Any]:
        """Have a child carry out a job and return its last frame; raises a `SkillError`."""
        try:
            head = wire.pack_json({**job, "seconds": call.limits.seconds, "memory_mb": call.limits.memory_mb})
        except (TypeError, ValueError) as error:
            raise SkillFailed(f"The skill was given something that is not plain data: {error}.") from None
        if len(head) > wire.PARAMS_BYTES + wire.SOURCE_BYTES:
            raise SkillFailed(f"The skill was given more than {wire.PARAMS_BYTES:,} bytes of parameters.")
        message = head + wire.pack(body)
        for attempt in range(1, TRIES + 1):
            try:
                return self._try(message, call, deadline)
            except SandboxUnavailable:
                # Whatever ends a zygote ends its children. A call that has asked for nothing may begin again.
                if call.count or attempt == TRIES or self._resting[0] > time.monotonic():
                    raise
        raise AssertionError("the last try returns or raises")

    def _try(self, message: bytes, call: _Call, deadline: float) -> dict[str, Any]:
        """Give a child its job, answer what it asks for, and return its last frame; kill it in any case."""
        child = self._take(deadline)
        try:
            child.send(message, deadline)
            return call.serve(child, deadline)
        except Late:
            raise SkillTimedOut(f"The skill took longer than {call.limits.seconds:.3g} s and was stopped.") from None
        except (EOFError, OSError):
            # Its socket closed without a word on how it died: so did the process that would have told us.
            raise SandboxUnavailable("The sandbox's processes were ended from outside during a call.") from None
        finally:
            child.end()
            self._replenish()

    # The zygote

    def _take(self, deadline: float) -> Child:
        with self._held_until(deadline):
            zygote = self._live_zygote(deadline)
            try:
                return zygote.take(deadline)
            except Late:
                raise SandboxUnavailable("No process of the sandbox was free in time.") from None
            except (OSError, EOFError):
                self._discard()
                raise SandboxUnavailable("The sandbox's processes were ended from outside.") from None

    def _replenish(self) -> None:
        """Order a new child now, rather than when somebody waits for it."""
        if self._changed.acquire(timeout=REPLENISH_SECONDS):
            try:
                if self._zygote is not None and self._zygote.pid == os.getpid():
                    self._zygote.replenish()
            finally:
                self._changed.release()

    @contextmanager
    def _held_until(self, deadline: float) -> Iterator[None]:
        """Hold the lock, or raise `SandboxUnavailable` when it is not to be had in time."""
        if not self._changed.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise SandboxUnavailable("No process of the sandbox was free in time.")
        try:
            yield
        finally:
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
            if self._starting != os.getpid():
                self._starting = os.getpid()
                threading.Thread(target=self._start, name="ceos-sandbox-start", daemon=True).start()
            self._changed.wait(deadline - now)

    def _start(self) -> None:
        zygote, failure = None, None
        try:
            zygote = Zygote(*self._settings)
        except SandboxUnavailable as error:
            failure = error
        with self._changed:
            self._zygote, self._starting = zygote, None
            self._ended_starts = self._ended_starts + 1 if isinstance(failure, Ended) else 0
            if failure and self._ended_starts % START_ATTEMPTS == 0:
                self._resting = (time.monotonic() + REST_SECONDS, str(failure))
            self._changed.notify_all()

    def _discard(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


@dataclass
class _Call:
    """One call under way: what it may use, and how often it has asked the host."""

    limits: Limits
    host: Host | None
    methods: frozenset[str]
    source: str
    #: The frame that ends it well.
    wants: str = "result"
    count: int = field(default=0)

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
        except HostRefused as error:
            answer = wire.pack_json({"e": str(error)})
        if time.monotonic() >= deadline:
            raise Late
        child.send(answer, deadline)
