"""Trends in Redis: the latest snapshot, the relevance of topics to each agent, and the trends that agents claimed.

All agents share one snapshot, so a thousand agents need no more requests than one.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import AwareDatetime

from ceos.domain.agent import Agent
from ceos.domain.base import Frozen
from ceos.domain.topics import Relevance, Trend
from ceos.runs.ids import RunId
from ceos.storage.connection import Database, redis_errors

#: The time after which an unfinished refresh is due again, and the longest time of one, in seconds.
RETRY_SECONDS, MAX_REFRESH_SECONDS = 120, 600
#: How long it is kept that an agent was asked about a snapshot, in seconds.
KEEP_ASKED_SECONDS = 86_400
#: How long the slots of claimed trends are kept: longer than any window, see `Trends.window_hours`.
KEEP_CLAIMED_MS = 31 * 86_400_000
#: How long a claimed trend is kept with its casts, in seconds, unless the window is longer.
KEEP_CASTS_SECONDS = 7 * 86_400
#: How long the relevance of a topic is kept, in seconds.
KEEP_RELEVANCE_SECONDS = 86_400


class TrendSnapshot(Frozen):
    """The trends that one refresh found in all sources."""

    at: AwareDatetime
    trends: tuple[Trend, ...] = ()
    #: One sentence for each source that could not be read.
    gaps: tuple[str, ...] = ()


class ClaimedTrend(Frozen):
    """A trend that an agent claimed for a post, as it was at that time."""

    trend: Trend
    relevance: Relevance


#: The relevance of the trends that an agent would post about, by agent and slug.
Bids = dict[str, dict[str, Relevance]]


@dataclass(frozen=True)
class FleetRules:
    """The rules by which the agents of an installation share a topic."""

    #: The most agents that post about one topic within their windows.
    agents_per_topic: int = 2
    #: The shortest time between two of them.
    apart: dt.timedelta = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class FleetClaim:
    """A trend that one of all agents claimed."""

    agent_id: str
    at: dt.datetime
    claimed: ClaimedTrend


class TrendStore:
    """Reads and writes trends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    # Snapshots

    def claim_refresh(self) -> bool:
        """Claim the next refresh if one is due; return whether the caller has it."""
        return bool(self._database.run_script("trend_due", RETRY_SECONDS * 1000))

    def begin_refresh(self, token: str) -> bool:
        """Begin a refresh, unless another worker is at one."""
        with redis_errors():
            return bool(self._client.set("ceos:trends:turn", token, nx=True, ex=MAX_REFRESH_SECONDS))

    def save_snapshot(self, token: str, snapshot: TrendSnapshot, seconds: float) -> bool:
        """Store a snapshot and make the next refresh due in `seconds`; return False if another worker took over."""
        return bool(self._database.run_script("trend_keep", token, snapshot.model_dump_json(), int(seconds * 1000)))

    def snapshot(self) -> TrendSnapshot | None:
        """Return the latest snapshot, or None before the first."""
        with redis_errors():
            found = cast("str | None", self._client.hget("ceos:trends", "found"))
        return TrendSnapshot.model_validate_json(found) if found else None

    def agent_ids(self) -> list[str]:
        """Return the ids of the agents that post about trends."""
        with redis_errors():
            return sorted(cast("set[str]", self._client.smembers("ceos:trends:agents")))

    # Relevance

    def claim_question(self, agent_id: str, snapshot: TrendSnapshot) -> bool:
        """Return True the first time that an agent is asked about a snapshot, and False after that."""
        key = f"ceos:trends:asked:{agent_id}:{_ms(snapshot.at)}"
        with redis_errors():
            return bool(self._client.set(key, 1, nx=True, ex=KEEP_ASKED_SECONDS))

    def relevances(self, agent_id: str) -> dict[str, Relevance]:
        """Return the stored relevance of topics to an agent, by slug."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:trends:judged:{agent_id}"))
        return {slug: Relevance.model_validate_json(row) for slug, row in rows.items()}

    def save_relevances(self, agent_id: str, relevances: dict[str, Relevance], slugs: Iterable[str]) -> None:
        """Store the relevance of topics to an agent, and delete that of all topics but `slugs`."""
        key, wanted = f"ceos:trends:judged:{agent_id}", set(slugs)
        with redis_errors():
            gone = set(cast("list[str]", self._client.hkeys(key))) - wanted
            pipe = self._client.pipeline()
            if gone:
                pipe.hdel(key, *gone)
            if relevances:
                pipe.hset(key, mapping={slug: one.model_dump_json() for slug, one in relevances.items()})
            pipe.expire(key, KEEP_RELEVANCE_SECONDS)
            pipe.execute()

    # Bids

    def ask_for_bids(self, agent_ids: Iterable[str]) -> None:
        """Forget all bids and wait for those of these agents."""
        with redis_errors():
            pipe = self._client.pipeline()
            pipe.delete("ceos:trends:bids", "ceos:trends:asking")
            if ids := list(agent_ids):
                pipe.sadd("ceos:trends:asking", *ids)
            pipe.execute()

    def save_bid(self, agent_id: str, relevances: dict[str, Relevance]) -> Bids:
        """Store an agent's bid, which may be empty; return all bids if no other one is waited for, else nothing."""
        bid = json.dumps({slug: one.model_dump() for slug, one in relevances.items()}) if relevances else ""
        return _bids(self._database.run_script("trend_bid", agent_id, bid, KEEP_ASKED_SECONDS))

    def bids(self) -> Bids:
        """Return the bids that were made since `ask_for_bids`."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall("ceos:trends:bids"))
        return _bids([text for row in rows.items() for text in row])

    # Claimed trends

    def open_trend_run(
        self, agent: Agent, claimed: ClaimedTrend, now: dt.datetime, rules: FleetRules = FleetRules()
    ) -> tuple[str, str]:
        """Open the run for a trend; return its id and `opened`, or why there is none: see `lua/trend_open.lua`."""
        at = _ms(now)
        run = RunId.trend(agent.id, claimed.trend.slug, at)
        day = at - at % 86_400_000
        window = agent.trends.window_hours * 3_600_000
        keep = max(window // 1000, KEEP_CASTS_SECONDS)
        answer = self._database.run_script(
            "trend_open", agent.id, run.slot, at, window, day, agent.trends.posts_per_day, KEEP_CLAIMED_MS, keep,
            claimed.model_dump_json(), rules.agents_per_topic, int(rules.apart.total_seconds() * 1000),
        )  # fmt: skip
        return str(run), str(answer)

    def claimed_trend(self, run: str) -> ClaimedTrend | None:
        """Return the trend of a run, or None for a run of another kind."""
        with redis_errors():
            found = cast("str | None", self._client.get(f"ceos:trend:{run}"))
        return ClaimedTrend.model_validate_json(found) if found else None

    def recent_claims(self, agent_id: str, since: dt.datetime) -> list[tuple[dt.datetime, ClaimedTrend]]:
        """Return the trends that an agent claimed after a moment, each with its time, newest first."""
        key, after = f"ceos:trends:taken:{agent_id}", f"({_ms(since)}"
        with redis_errors():
            slots = cast("list[str]", self._client.zrange(key, "+inf", after, byscore=True, desc=True))
            runs = [RunId(agent_id, slot) for slot in slots]
            wanted = [f"ceos:trend:{run}" for run in runs]
            rows = cast("list[str | None]", self._client.mget(wanted) if wanted else [])
        return [
            (run.moment, ClaimedTrend.model_validate_json(row))
            for run, row in zip(runs, rows, strict=True)
            if run.moment and row
        ]

    def fleet_claims(self, since: dt.datetime) -> list[FleetClaim]:
        """Return the trends that all agents claimed after a moment, oldest first."""
        with redis_errors():
            ids = cast("list[str]", self._client.zrange("ceos:trends:fleet", f"({_ms(since)}", "+inf", byscore=True))
            rows = cast("list[str | None]", self._client.mget([f"ceos:trend:{run}" for run in ids]) if ids else [])
        runs = map(RunId.parse, ids)
        return [
            FleetClaim(run.agent_id, run.moment, ClaimedTrend.model_validate_json(row))
            for run, row in zip(runs, rows, strict=True)
            if run.moment and row
        ]


def _bids(rows: Sequence[str]) -> Bids:
    return {
        agent_id: {slug: Relevance.model_validate(one) for slug, one in json.loads(bid).items()}
        for agent_id, bid in zip(rows[::2], rows[1::2], strict=True)
    }


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
