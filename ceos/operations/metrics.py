"""Operations on metrics: followers and reactions, weekly scores, and advice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ceos.metrics.report import Advice, Report, advice, report, weeks
from ceos.operations.context import Context
from ceos.operations.table import Scope, operation
from ceos.score import WeekScore


@dataclass(frozen=True)
class Numbers:
    """The figures of an agent at a glance; None is unknown."""

    followers: int | None
    followers_change_7d: int | None
    #: The last week that was scored.
    week: WeekScore | None


@operation("metrics.report", Scope.READ)
def metrics_reports(context: Context, agent_ids: Sequence[str], since: dt.datetime, until: dt.datetime) -> list[Report]:
    """Return the figures of agents over a span of time; raises `NotFound` for an unknown agent."""
    for agent_id in agent_ids:
        context.agents.agent(agent_id)
    return [report(context.series, agent_id, since, until) for agent_id in agent_ids]


@operation("metrics.scores", Scope.READ)
def weekly_scores(context: Context, agent_id: str, now: dt.datetime) -> list[tuple[WeekScore, bool]]:
    """Return the weekly scores of an agent, each with whether it is final."""
    return list(weeks(context.scoring, agent_id, now))


@operation("metrics.advice", Scope.READ)
def learning_advice(context: Context, agent_id: str, now: dt.datetime) -> Advice:
    """Return the changes that learning would make for an agent; raises `NotFound`."""
    agent = context.agents.agent(agent_id)
    return advice(context.scoring, agent, context.plugins.strategy(agent.strategy).shares, now)


@operation("metrics.numbers", Scope.READ)
def numbers(context: Context, agent_id: str) -> Numbers:
    """Return the followers of an agent, their change in the last 7 days, and its last scored week."""
    now = context.clock.now()
    followers, change = report(context.series, agent_id, now - dt.timedelta(days=7), now).change("followers")
    scored = context.scoring.weeks(agent_id)
    return Numbers(followers, change, scored[-1] if scored else None)
