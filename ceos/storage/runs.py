"""The records of runs in Redis: drafts, casts, and the runs that wait, ended or failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from ceos.domain.base import from_ms
from ceos.domain.lifecycle import RunStatus
from ceos.domain.posts import Cast, Draft, Kind
from ceos.domain.runs import Run
from ceos.errors import NotFound
from ceos.storage.connection import Database, redis_errors


class RunStore:
    """Reads the records of runs; `runs.ledger` writes them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._client = database.client

    def run(self, run_id: str) -> Run:
        """Return the record of one run; raises `NotFound` for an unknown one and for one that has expired."""
        found = self.runs([run_id])
        if not found:
            raise NotFound(f"No draft or run named {run_id[:80]!r}; 'ceos draft list' shows the ones there are.")
        return found[0]

    def runs(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the records of those runs that still exist, in the given order."""
        rows = self.database.run_script("runs", *run_ids) if run_ids else []
        return [run_from(run_id, *row) for run_id, row in zip(run_ids, rows, strict=True) if row[-1]]

    def recent_runs(self, agent_id: str, limit: int = 20) -> list[Run]:
        """Return the agent's latest runs, newest first."""
        with redis_errors():
            ids = cast("list[str]", self._client.zrevrange(f"ceos:runs:{agent_id}", 0, limit - 1))
        return self.runs(ids)

    def recent_casts(self, agent_id: str) -> list[Cast]:
        """Return the agent's last 50 casts, newest first."""
        return [Cast.model_validate_json(row) for row in self._recent(agent_id)]

    def published_hashes(self, run_id: str) -> list[str]:
        """Return the hashes of a published run's casts, in order; they are known for 30 days."""
        with redis_errors():
            return list(cast("dict[str, str]", self._client.hgetall(f"ceos:metrics:{run_id}")))

    def run_of_cast(self, agent_id: str, hash: str) -> str:
        """Return the run that published a cast in the last 30 days, or an empty string."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            pipe.zrange(f"ceos:runs:{agent_id}", 0, -1)
            pipe.zrange(f"ceos:mentions:{agent_id}", 0, -1)
            pipe.hkeys(f"ceos:posts:{agent_id}")
            runs, mentions, slots = pipe.execute()
            known = list(dict.fromkeys([*runs, *mentions, *(f"{agent_id}:{slot}" for slot in slots)]))
            for run_id in known:
                pipe.hexists(f"ceos:metrics:{run_id}", hash)
            found = pipe.execute() if known else []
        return next((run_id for run_id, has_it in zip(known, found, strict=True) if has_it), "")

    def recent_texts(self, agent_id: str) -> list[str]:
        """Return the texts of the agent's last 50 casts, newest first."""
        return [json.loads(row)["text"] for row in self._recent(agent_id)]

    def _recent(self, agent_id: str) -> list[str]:
        with redis_errors():
            return cast("list[str]", self._client.lrange(f"ceos:recent:{agent_id}", 0, -1))

    def parked(self, limit: int = 500) -> list[str]:
        """Return the ids of the runs that wait for review, in the order in which they expire."""
        with redis_errors():
            return cast("list[str]", self._client.zrange("ceos:review", 0, limit - 1))

    def dead(self, limit: int = 500) -> list[str]:
        """Return the ids of the failed and partial runs, newest first."""
        with redis_errors():
            return cast("list[str]", self._client.zrevrange("ceos:dead", 0, limit - 1))

    def places_taken(self, agent_id: str, since_ms: int) -> int:
        """Return how many places of the agent's hour were taken after a moment."""
        with redis_errors():
            return self._client.zcount(f"ceos:casts:{agent_id}", f"({since_ms}", "+inf")

    def spent(self, agent_id: str, day: str) -> float:
        """Return the amount that the agent has spent or reserved on a UTC day (YYYYMMDD), in USD."""
        with redis_errors():
            return int(cast("str | None", self._client.hget(f"ceos:spend:{agent_id}:{day}", "total")) or 0) / 1e6


def run_from(run_id: str, agent_id: str, slot: str, draft: str | None, row: Sequence[str]) -> Run:
    """Return the record of a run from its draft and its hash, names and values in turn."""
    fields = dict(zip(row[::2], row[1::2], strict=True))
    parsed = Draft.model_validate_json(draft) if draft else None
    count = len(parsed.parts) if parsed else 0
    return Run(
        id=run_id,
        agent_id=agent_id,
        slot=slot,
        status=RunStatus(fields["st"]),
        reason=fields.get("why", ""),
        kind=Kind(fields["kind"]) if fields.get("kind") else (parsed.kind if parsed else None),
        opened_at=from_ms(fields["at"]),
        draft=parsed,
        hashes=tuple(fields.get(f"h{index}") for index in range(count)),
        deliveries=int(fields.get("deliv", 0)),
    )
