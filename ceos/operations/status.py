"""The operation that summarises the whole system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ceos.domain.agent import AgentStatus
from ceos.operations.context import Context
from ceos.operations.models import ModelNotice, model_notices
from ceos.operations.table import Scope, operation
from ceos.operations.trends import CurrentTrends, current_trends


@dataclass(frozen=True)
class SystemStatus:
    """The state of all agents, queues and workers."""

    agents: list[AgentStatus]
    #: Runs that are open, in review, dead and waiting for measurement, and worker processes.
    counts: Mapping[str, int]
    #: Mentions that are open, and those of today by their outcome.
    mentions: Mapping[str, int]
    #: The reason of the halt, or None while publishing is not stopped.
    halted: str | None
    #: None while no agent follows trends.
    trends: CurrentTrends | None
    #: The models that OpenRouter no longer lists.
    models: list[ModelNotice]


@operation("status.show", Scope.READ)
def system_status(context: Context) -> SystemStatus:
    """Return the state of all agents, queues and workers."""
    return SystemStatus(
        agents=context.agents.agent_statuses(context.agents.agent_ids()),
        counts=context.ops.counts(),
        mentions=context.mention_store.counts(),
        halted=context.ops.panic_reason(),
        trends=current_trends(context) if context.trend_store.agent_ids() else None,
        models=model_notices(context, context.agents.all_agents()),
    )
