"""The due work of schedulers: one read per tick over the indexes of all features."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ceos.domain.agent import Transition
from ceos.storage.agents import transition_from
from ceos.storage.connection import Database, redis_errors


@dataclass(frozen=True)
class DueWork:
    """The work that a scheduler finds."""

    #: (agent id, stored slot in milliseconds, revision)
    agents: list[tuple[str, int, str]]
    has_open: bool
    has_measurements: bool
    expired_reviews: list[str]
    has_polls: bool = False
    has_trends: bool = False
    has_chain: bool = False
    #: Changes of state that were not reported to plugins yet, with the agent of each.
    changes: list[tuple[str, Transition]] = field(default_factory=list)


def due_work(database: Database, slots_ms: int, limit: int, *, changes: int = 0) -> DueWork:
    """Return everything a scheduler has to do now, in one round trip (two when agents are due).

    `slots_ms` is the schedule's clock; everything else goes by Redis's own. Up to `changes` unreported changes of state
    are removed from their list, so that each is reported once at most.
    """
    with redis_errors():
        pipe = database.client.pipeline(transaction=False)
        pipe.zrange("ceos:due", "-inf", slots_ms, byscore=True, offset=0, num=limit)
        pipe.zrange("ceos:open", 0, 0, withscores=True)
        pipe.zrange("ceos:measure", 0, 0, withscores=True)
        pipe.zrange("ceos:review", 0, 99, withscores=True)
        pipe.zrange("ceos:listen", 0, 0, withscores=True)
        pipe.get("ceos:trends:due")
        pipe.zrange("ceos:chain:due", 0, 0, withscores=True)
        pipe.time()
        if changes:
            pipe.lpop("ceos:changes", changes)
        ids, open_runs, measures, reviews, polls, trends, chain, (seconds, micros), *unreported = pipe.execute()
        for agent_id in ids:
            pipe.hmget(f"ceos:agent:{agent_id}", "slot", "rev")
        rows = pipe.execute() if ids else []
    now = seconds * 1000 + micros // 1000
    return DueWork(
        agents=[(agent, int(slot), rev) for agent, (slot, rev) in zip(ids, rows, strict=True) if slot and rev],
        has_open=bool(open_runs) and open_runs[0][1] <= now,
        has_measurements=bool(measures) and measures[0][1] <= now,
        expired_reviews=[run for run, expires in reviews if expires <= now],
        has_polls=bool(polls) and polls[0][1] <= now,
        has_trends=trends is not None and float(trends) <= now,
        has_chain=bool(chain) and chain[0][1] <= now,
        changes=[
            (agent, transition_from(*change)) for rows in unreported for agent, change in map(json.loads, rows or ())
        ],
    )
