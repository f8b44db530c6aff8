"""The log of events in the simulator, and its counters."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Event = dict[str, Any]


def fast_clock(speed: float, origin: float) -> Callable[[], float]:
    """Return a clock that runs `speed` times as fast as real time from `origin` (Unix seconds) on."""
    return lambda: origin + (time.time() - origin) * speed


class Timeline:
    """A bounded log of events and the counters beside it."""

    def __init__(self, clock: Callable[[], float] = time.time, keep: int = 200_000) -> None:
        self.clock = clock
        self.counts: Counter[str] = Counter()
        self._keep = keep
        self._events: list[Event] = []
        self._first = 0
        self._moment: float | None = None

    def now(self) -> float:
        """Return the time of new events: that of the clock, or the one set by `at`."""
        return self.clock() if self._moment is None else self._moment

    @contextmanager
    def at(self, moment: float) -> Iterator[None]:
        """Record events at an earlier time while the block lasts."""
        self._moment = moment
        try:
            yield
        finally:
            self._moment = None

    def record(self, service: str, what: str, **fields: Any) -> None:
        """Add one event."""
        seq = self._first + len(self._events)
        self._events.append({"seq": seq, "at": round(self.now(), 3), "service": service, "what": what, **fields})
        # Twice the bound before cutting back: one copy per `keep` events instead of one per event.
        if len(self._events) >= 2 * self._keep:
            del self._events[: self._keep]
            self._first += self._keep

    def count(self, name: str) -> None:
        """Increase a counter by one."""
        self.counts[name] += 1

    def fault(self, service: str, name: str, **fields: Any) -> None:
        """Record an injected fault."""
        self.counts[f"{service}.fault.{name}"] += 1
        self.record(service, "fault", fault=name, **fields)

    def since(self, seq: int, limit: int) -> tuple[list[Event], int]:
        """The events from `seq` on, and where to continue."""
        start = max(seq - self._first, 0)
        events = self._events[start : start + limit]
        following = events[-1]["seq"] + 1 if events else max(seq, self._first)
        return events, min(following, self._first + len(self._events))
