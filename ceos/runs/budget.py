"""The daily budget of agents: money is reserved before a call and settled after it, across all workers.

A call that crashed in between keeps its reservation until the day is over, because it may have been billed.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ceos.domain.agent import Agent
from ceos.errors import AnswerUnusable, LimitReached, RateLimited, RequestRefused, ServiceUnavailable
from ceos.storage.connection import Database
from ceos.storage.runs import RunStore


def utc_day(at: dt.datetime) -> str:
    """Return the UTC day of a moment as YYYYMMDD."""
    return at.astimezone(dt.UTC).strftime("%Y%m%d")


def _micro(usd: float) -> int:
    """Return an amount in micro-USD, rounded up."""
    # First to a thousandth of that: 0.000123 * 1e6 is a little more than 123.
    return math.ceil(round(usd * 1e6, 3))


class Reservation:
    """Money reserved for one call; `settle` replaces it by the actual cost."""

    def __init__(self, extend: Callable[[float], bool]) -> None:
        self.cost_usd: float | None = None
        #: Reserves so many USD in all for the call, and says whether that fits; if not, the reservation stays as it is.
        self.extend = extend

    def settle(self, cost_usd: float) -> None:
        """Record the cost of the call; the difference is released when the block ends."""
        self.cost_usd = cost_usd


def _over_budget(limit: float, spent: float, max_usd: float) -> LimitReached:
    return LimitReached(
        f"over the limit: {limit:.2f} USD a day, {spent:.4f} spent or set aside, and this call may cost {max_usd:.4f}"
    )


class Budget:
    """The daily budget of each agent, in micro-USD."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self, agent: Agent, max_usd: float, at: dt.datetime, *, share: float = 1.0) -> None:
        """Raise `LimitReached` if a call of up to `max_usd` would not fit now; nothing is reserved."""
        limit, spent = agent.limits.usd_per_day * share, RunStore(self._database).spent(agent.id, utc_day(at))
        if _micro(spent + max_usd) > round(limit * 1e6):
            raise _over_budget(limit, spent, max_usd)

    def set_aside(self, agent: Agent, name: str, max_usd: float, at: dt.datetime) -> str:
        """Reserve `max_usd` for work that outlives this process, and return the day by which `settle` finds it.

        Setting aside the same name again on the same day changes nothing. Raises `LimitReached` if it would not fit.
        """
        day, limit = utc_day(at), agent.limits.usd_per_day
        micro = math.ceil(max_usd * 1e6)
        granted, total = self._database.run_script("reserve", agent.id, day, name, micro, round(limit * 1e6))
        if not granted:
            raise _over_budget(limit, int(total) / 1e6, max_usd)
        return day

    def settle(self, agent_id: str, day: str, name: str, cost_usd: float) -> None:
        """Replace the amount that was set aside by the cost; settling again changes nothing."""
        self._database.run_script("settle", agent_id, day, name, math.ceil(cost_usd * 1e6))

    @contextmanager
    def reserve(
        self, agent: Agent, name: str, max_usd: float, at: dt.datetime, *, share: float = 1.0
    ) -> Iterator[Reservation]:
        """Reserve `max_usd` for the call inside the block; raises `LimitReached` before a call that would not fit.

        `name` tells one call from another; `share` is the part of the day's budget that the call may use up. A call
        that failed settles the cost that its error names; one whose outcome is unknown keeps the reservation.
        """
        day, limit = utc_day(at), agent.limits.usd_per_day * share

        def reserve(usd: float) -> tuple[bool, int]:
            script = self._database.run_script
            granted, total = script("reserve", agent.id, day, name, _micro(usd), round(limit * 1e6))
            return bool(granted), int(total)

        granted, total = reserve(max_usd)
        if not granted:
            raise _over_budget(limit, total / 1e6, max_usd)
        reservation = Reservation(lambda usd: reserve(usd)[0])
        try:
            yield reservation
        except (RateLimited, ServiceUnavailable, RequestRefused, AnswerUnusable) as error:
            reservation.settle(reservation.cost_usd or error.cost_usd)
            raise
        finally:
            if reservation.cost_usd is not None:
                self._database.run_script("settle", agent.id, day, name, _micro(reservation.cost_usd))
