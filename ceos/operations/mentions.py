"""Operations on mentions: how agents poll for them, and how the latest ones ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ceos.domain.agent import Agent
from ceos.domain.mentions import Mention
from ceos.domain.runs import Run
from ceos.operations.context import Context
from ceos.operations.table import Scope, operation


@dataclass(frozen=True)
class Polling:
    """The state of an agent's polls for mentions."""

    enabled: bool
    #: Time of the last poll that succeeded.
    looked_at: dt.datetime | None
    #: Polls that failed since then, and the reason of the last failure.
    failures: int
    why: str
    #: Mentions that wait for their place in the queue.
    waiting: int


@operation("mention.polling", Scope.READ)
def polling(context: Context, agent: Agent) -> Polling:
    """Return how an agent polls for mentions."""
    cursor = context.mention_store.cursor(agent.id)
    return Polling(
        enabled=agent.engagement.enabled,
        looked_at=cursor.polled_at if cursor else None,
        failures=cursor.failures if cursor else 0,
        why=cursor.reason if cursor else "",
        waiting=context.mention_store.waiting([agent.id])[agent.id],
    )


@operation("mention.list", Scope.READ)
def list_mentions(context: Context, agent_ids: Sequence[str], limit: int) -> list[tuple[Run, Mention | None]]:
    """Return the latest mentions of each of these agents with their runs, newest first for each agent."""
    runs = [run for agent_id in agent_ids for run in context.mention_store.mention_runs(agent_id, limit)]
    return [(run, context.mention_store.mention(run.id)) for run in runs]
