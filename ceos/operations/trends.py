"""Operations on trends: the current ones, their relevance to agents, and the ones that agents have taken up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus
from ceos.domain.topics import Relevance, Trend, live_trends
from ceos.operations.context import Context
from ceos.operations.table import Scope, operation
from ceos.runs.ids import RunId
from ceos.trends.store import ClaimedTrend

#: How far back `taken_up` looks, and how many trends it returns.
TAKEN_DAYS, MAX_TAKEN = 7, 10


@dataclass(frozen=True)
class CurrentTrends:
    """The latest poll of trends, and what the agents that follow trends make of it."""

    looked_at: dt.datetime | None
    #: The agents that follow trends.
    agents: list[str]
    #: Highest score first.
    topics: list[Trend]
    #: One sentence for each source that could not be read.
    gaps: list[str]
    #: By agent and slug.
    relevances: Mapping[str, Mapping[str, Relevance]]


@dataclass(frozen=True)
class TakenTrend:
    """A trend that an agent has taken up, and its run."""

    at: dt.datetime
    run_id: str
    #: None once the run has expired.
    status: RunStatus | None
    taken: ClaimedTrend


@operation("trend.list", Scope.READ)
def current_trends(context: Context) -> CurrentTrends:
    """Return the current trends with their relevance to each agent that follows trends."""
    store = context.trend_store
    snapshot, agents = store.snapshot(), store.agent_ids()
    return CurrentTrends(
        looked_at=snapshot.at if snapshot else None,
        agents=agents,
        topics=live_trends(snapshot.trends, context.clock.now()) if snapshot else [],
        gaps=list(snapshot.gaps) if snapshot else [],
        relevances={agent_id: store.relevances(agent_id) for agent_id in agents},
    )


@operation("trend.taken", Scope.READ)
def taken_trends(context: Context, agent: Agent) -> list[TakenTrend]:
    """Return the trends that an agent took up lately, newest first."""
    since = context.clock.now() - dt.timedelta(days=TAKEN_DAYS)
    taken = context.trend_store.recent_claims(agent.id, since)[:MAX_TAKEN]
    ids = [str(RunId.trend(agent.id, one.trend.slug, int(at.timestamp() * 1000))) for at, one in taken]
    statuses = {run.id: run.status for run in context.runs.runs(ids)}
    return [TakenTrend(at, run, statuses.get(run), one) for run, (at, one) in zip(ids, taken, strict=True)]
