"""What is kept of trends: the last look at them, what each agent thinks of them, and what it has taken up.

The keys are in the map at the head of `store.py`. All agents share one look, so a thousand of them cost no more
requests than one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import cast

from pydantic import AwareDatetime

from ceos.domain.agent import Agent
from ceos.domain.base import Frozen
from ceos.domain.topics import Relevance, Trend
from ceos.runs.ids import RunId
from ceos.storage.connection import Database, redis_errors

#: Until a look that nobody finished is called for again, and how long one may take at most, in seconds.
CALL_SECONDS, TURN_SECONDS = 120, 600
#: How long an agent that was asked about a look is not asked about it again, in seconds.
ASKED_SECONDS = 86_400
#: How long it is remembered that something was taken up: longer than any window, see `Trends.window_hours`.
TAKEN_MS = 31 * 86_400_000
#: How long it is remembered with its casts, in seconds, unless the window is longer.
SHOWN_SECONDS = 7 * 86_400
#: How long a judgement of a topic holds, in seconds.
JUDGED_SECONDS = 86_400


class Look(Frozen):
    """What one look at all sources has found."""

    at: AwareDatetime
    trends: tuple[Trend, ...] = ()
    #: What could not be read, a sentence each.
    gaps: tuple[str, ...] = ()


class TakenUp(Frozen):
    """A trend that an agent has taken up, as it was then."""

    trend: Trend
    relevance: Relevance


class TrendStore:
    """The trends in Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    # Looking

    def claim(self) -> bool:
        """Say whether a look is due and the caller's to call for."""
        return bool(self._database.run_script("trend_due", CALL_SECONDS * 1000))

    def begin(self, token: str) -> bool:
        """Take the turn to look, unless another worker has it."""
        with redis_errors():
            return bool(self._client.set("ceos:trends:turn", token, nx=True, ex=TURN_SECONDS))

    def keep(self, token: str, look: Look, seconds: float) -> bool:
        """Store a look, and have the next one called for in `seconds`; return whether the turn was still ours."""
        return bool(self._database.run_script("trend_keep", token, look.model_dump_json(), int(seconds * 1000)))

    def look(self) -> Look | None:
        """Return the last look, or None before the first."""
        with redis_errors():
            found = cast("str | None", self._client.hget("ceos:trends", "found"))
        return Look.model_validate_json(found) if found else None

    def agents(self) -> list[str]:
        """Return the ids of the agents that care."""
        with redis_errors():
            return sorted(cast("set[str]", self._client.smembers("ceos:trends:agents")))

    # Judging

    def ask(self, agent_id: str, look: Look) -> bool:
        """Say whether an agent is to be asked about a look: each of them once, however often this is called."""
        key = f"ceos:trends:asked:{agent_id}:{_ms(look.at)}"
        with redis_errors():
            return bool(self._client.set(key, 1, nx=True, ex=ASKED_SECONDS))

    def judged(self, agent_id: str) -> dict[str, Relevance]:
        """Return what an agent thinks of the topics it knows, by slug."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:trends:judged:{agent_id}"))
        return {slug: Relevance.model_validate_json(row) for slug, row in rows.items()}

    def judge(self, agent_id: str, relevances: dict[str, Relevance], slugs: Iterable[str]) -> None:
        """Store what an agent thinks of topics, and forget all but `slugs`."""
        key, wanted = f"ceos:trends:judged:{agent_id}", set(slugs)
        with redis_errors():
            gone = set(cast("list[str]", self._client.hkeys(key))) - wanted
            pipe = self._client.pipeline()
            if gone:
                pipe.hdel(key, *gone)
            if relevances:
                pipe.hset(key, mapping={slug: one.model_dump_json() for slug, one in relevances.items()})
            pipe.expire(key, JUDGED_SECONDS)
            pipe.execute()

    # Taking up

    def open(self, agent: Agent, taken: TakenUp, now: dt.datetime) -> tuple[str, str]:
        """Open the run for a trend; return its id and `opened`, or why there is none: see `lua/trend_open.lua`."""
        at = _ms(now)
        run = RunId.trend(agent.id, taken.trend.slug, at)
        day = at - at % 86_400_000
        window = agent.trends.window_hours * 3_600_000
        keep = max(window // 1000, SHOWN_SECONDS)
        answer = self._database.run_script(
            "trend_open", agent.id, run.slot, at, window, day, agent.trends.posts_per_day, TAKEN_MS, keep,
            taken.model_dump_json(),
        )  # fmt: skip
        return str(run), str(answer)

    def taken(self, run: str) -> TakenUp | None:
        """Return what a run takes up, or None for one of another sort."""
        with redis_errors():
            found = cast("str | None", self._client.get(f"ceos:trend:{run}"))
        return TakenUp.model_validate_json(found) if found else None

    def recently_taken(self, agent_id: str, since: dt.datetime) -> list[tuple[dt.datetime, TakenUp]]:
        """Return what an agent has taken up after a moment, and when, newest first."""
        key, after = f"ceos:trends:taken:{agent_id}", f"({_ms(since)}"
        with redis_errors():
            slots = cast("list[str]", self._client.zrange(key, "+inf", after, byscore=True, desc=True))
            runs = [RunId(agent_id, slot) for slot in slots]
            wanted = [f"ceos:trend:{run}" for run in runs]
            rows = cast("list[str | None]", self._client.mget(wanted) if wanted else [])
        return [
            (run.moment, TakenUp.model_validate_json(row))
            for run, row in zip(runs, rows, strict=True)
            if run.moment and row
        ]


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
