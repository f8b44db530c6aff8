"""The clock of the schedules: real time, or real time run faster for a demonstration."""

from __future__ import annotations

import datetime as dt
import time


class Clock:
    """Tells the time that slots, limits and records go by; leases go by Redis's own clock.

    With a `speed` other than 1, time runs that much faster from `origin` (Unix seconds) on; processes that share both
    agree.
    """

    def __init__(self, speed: float = 1.0, origin: float = 0.0) -> None:
        self.speed = speed
        self._origin = origin

    def now(self) -> dt.datetime:
        """Return the present moment, with zone UTC."""
        real = time.time()
        return dt.datetime.fromtimestamp(self._origin + (real - self._origin) * self.speed, dt.UTC)

    def now_ms(self) -> int:
        """Return the present moment in UTC milliseconds."""
        return int(self.now().timestamp() * 1000)
