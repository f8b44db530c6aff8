"""The limit of casts that an agent publishes in an hour, counted across all workers.

A run claims its places before anything is paid for it, and claims them again when it publishes. The scripts that freeze
its draft and that end it give back the places it does not use; those of an abandoned run end with the hour.
"""

from __future__ import annotations

import datetime as dt

from ceos.domain.agent import Agent
from ceos.errors import LimitReached
from ceos.storage.connection import Database
from ceos.storage.runs import RunStore

HOUR_MS = 3_600_000


class CastLimit:
    """A sliding hour of publishing places per agent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def places_taken(self, agent: Agent, at: dt.datetime) -> int:
        """Return how many places of the agent's hour are taken now."""
        return RunStore(self._database).places_taken(agent.id, int(at.timestamp() * 1000) - HOUR_MS)

    def is_full(self, agent: Agent, at: dt.datetime) -> bool:
        """Return True when the agent's hour has no place left."""
        return self.places_taken(agent, at) >= agent.limits.casts_per_hour

    def claim_places(
        self, agent: Agent, run_id: str, parts: int, at: dt.datetime, *, first: int = 0, share: float = 1.0
    ) -> None:
        """Claim one place in the agent's hour for each part of a post from `first` on, all or none.

        A repeated claim takes no more places; their hour begins again, because the parts are sent only now.
        `share` is the part of the hour that may be used up. Raises `LimitReached` when the hour is full.
        """
        names = [f"{run_id}:{index}" for index in range(first, parts)]
        limit = max(1, int(agent.limits.casts_per_hour * share))
        free_at = self._database.run_script(
            "claim_places", agent.id, int(at.timestamp() * 1000), HOUR_MS, limit, *names
        )
        if free_at == -1:
            return
        if len(names) > limit:
            raise LimitReached(
                f"over the limit: the post may have {len(names)} casts, and the agent may publish {limit} an hour"
            )
        moment = dt.datetime.fromtimestamp(int(free_at) / 1000, dt.UTC)
        raise LimitReached(
            f"over the limit: {limit} cast{'s' * (limit != 1)} an hour; "
            f"there is room for {len(names)} again at {moment:%H:%M:%S} UTC"
        )
