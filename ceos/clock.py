"""The clock of the schedules: real time, or faster than real time for a demonstration."""

from __future__ import annotations

import datetime as dt
import time


class Clock:
    """Gives the time for slots, limits and records; leases use the clock of Redis.

    With a `speed` other than 1, time runs faster by that factor from `origin` (Unix seconds) on. Processes with
    the same speed and origin agree.
    """

    def __init__(self, speed: float = 1.0, origin: float = 0.0) -> None:
        self.speed = speed
        self._origin = origin

    def now(self) -> dt.datetime:
        """Return the current time in UTC."""
        real = time.time()
        return dt.datetime.fromtimestamp(self._origin + (real - self._origin) * self.speed, dt.UTC)

    def now_ms(self) -> int:
        """Return the current time as Unix milliseconds."""
        return int(self.now().timestamp() * 1000)
