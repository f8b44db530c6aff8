"""What is decided about mentions and by whom, in Redis: decisions that stand, claims and what counts against limits.

The map of the keys is at the top of store.py.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, cast

from ceos.domain.agent import Agent
from ceos.domain.mentions import Decision, Mention
from ceos.runs.budget import utc_day
from ceos.runs.ids import RunId
from ceos.storage.connection import redis_errors
from ceos.storage.store import Store

#: How long a decision stands, in seconds: longer than any run is driven.
KEEP_DECISION_SECONDS = 7 * 86_400
#: How long a cast stays with the agent that reacted to it, in seconds; nobody answers what is older.
KEEP_CLAIM_SECONDS = 30 * 86_400

#: What stands in the way: another agent's claim, or one of the limits.
Obstacle = Literal["claimed", "day", "person", "thread"]


@dataclass(frozen=True)
class Refusal:
    """Why an agent may not react to a cast."""

    obstacle: Obstacle
    #: The agent that claimed it.
    by: str = ""


class Claims:
    """Which agent reacts to which cast, and how often to whom."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def decision(self, run: str) -> Decision | None:
        """Return what was decided about a mention, or None while nothing was."""
        with redis_errors():
            row = cast("str | None", self._store.client.get(f"ceos:decision:{run}"))
        return Decision.model_validate_json(row) if row else None

    def decide(self, run: str, decision: Decision) -> Decision:
        """Store a decision and return the one that stands: the first."""
        row = decision.model_dump_json()
        with redis_errors():
            self._store.client.set(f"ceos:decision:{run}", row, nx=True, ex=KEEP_DECISION_SECONDS)
        return self.decision(run) or decision

    def claim(
        self, agent: Agent, mention: Mention, what: Literal["answer", "like", "recast"], at: dt.datetime
    ) -> Refusal | None:
        """Claim a cast for an agent and count the reaction, or return what stands in the way; repeatable."""
        rules = agent.engagement
        daily = {"answer": 0, "like": rules.likes_per_day, "recast": rules.recasts_per_day}[what]
        refused, *by = self._store.run_script(
            "claim", agent.id, str(RunId.mention(agent.id, mention.hash)), mention.hash, mention.author_fid,
            mention.thread or mention.hash, utc_day(at), int(at.timestamp() * 1000), what, daily,
            rules.answers_per_person_per_hour, rules.answers_per_thread, KEEP_CLAIM_SECONDS,
        )  # fmt: skip
        return None if refused == "ok" else Refusal(refused, *by)

    def said_to(self, agent_id: str, fid: int) -> list[str]:
        """Return what the agent last answered to a person, newest first; at most 5 answers of 90 days."""
        with redis_errors():
            return cast("list[str]", self._store.client.lrange(f"ceos:said:{agent_id}:{fid}", 0, -1))
