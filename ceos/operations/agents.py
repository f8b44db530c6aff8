"""Operations on agents: apply, list, show, export, pause, resume and remove."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ceos.domain.agent import Agent, AgentStatus, MissedSlot, Transition
from ceos.domain.runs import Run
from ceos.domain.schedule import upcoming
from ceos.errors import InvalidInput
from ceos.logs import event
from ceos.operations.context import Context
from ceos.operations.table import Scope, operation

log = logging.getLogger(__name__)

#: Runs of an agent that `show_agent` returns.
MAX_RUNS = 10


@dataclass(frozen=True)
class Applied:
    """The outcome of `apply_agents` for one agent."""

    agent_id: str
    #: "created", "changed" or "unchanged".
    change: str


@dataclass(frozen=True)
class AgentOverview:
    """An agent with its status."""

    agent: Agent
    status: AgentStatus


@dataclass(frozen=True)
class AgentDetail:
    """An agent with its status, its spending and its latest records, newest first."""

    agent: Agent
    status: AgentStatus
    #: Money spent or reserved today (UTC), in USD.
    spent_usd_today: float
    transitions: list[Transition]
    missed_slots: list[MissedSlot]
    runs: list[Run]


@operation("agent.apply", Scope.ADMIN)
def apply_agents(context: Context, agents: Sequence[Agent]) -> list[Applied]:
    """Store agents as described; all are checked before the first one is stored.

    Raises `InvalidInput` with every problem: an unknown strategy or skill, parameters that a skill does not accept, a
    signer of another account.
    """
    problems = [problem for agent in agents for problem in _problems(context, agent)]
    if problems := [*problems, *_signer_problems(context, agents)]:
        raise InvalidInput("\n".join(problems))
    return [_store(context, agent) for agent in agents]


def _problems(context: Context, agent: Agent) -> Iterator[str]:
    strategies = context.plugins.strategies
    named = {"strategy": agent.strategy}
    if agent.engagement.enabled:
        named["engagement.strategy"] = agent.engagement.strategy
    for place, name in named.items():
        if name not in strategies:
            yield f"agent {agent.id!r}, {place}: expected one of {', '.join(sorted(strategies))}; got {name!r}."
    if agent.skills:
        yield from _skill_problems(context, agent)


def _skill_problems(context: Context, agent: Agent) -> Iterator[str]:
    from ceos.skills.skill import SkillStage  # noqa: PLC0415  # few commands need skills

    known = context.plugins.skills
    for index, use in enumerate(agent.skills):
        place = f"agent {agent.id!r}, skills[{index}]"
        if use.name not in known:
            yield f"{place}.name: expected one of {', '.join(sorted(known))}; got {use.name!r}."
        elif known[use.name].stage is not SkillStage.TOOL:
            yield from (f"{place}.{problem}" for problem in known[use.name].check_params(use.params))


def _signer_problems(context: Context, agents: Sequence[Agent]) -> Iterator[str]:
    """Yield a sentence for each agent whose signer is, by its text, that of an agent with another fid."""
    first: dict[str, Agent] = {}
    for agent in [*_others(context, agents), *agents]:
        if agent.signer_uuid is None:
            continue
        holder = first.setdefault(agent.signer_uuid, agent)
        if holder.fid != agent.fid:
            yield (
                f"agent {agent.id!r}, signer_uuid: it is the signer of agent {holder.id!r}, which has fid {holder.fid} "
                f"and not {agent.fid}; a signer writes for one account."
            )


def _others(context: Context, agents: Sequence[Agent]) -> list[Agent]:
    """Return the stored agents that are not among these."""
    described = {agent.id for agent in agents}
    return [context.agents.agent(agent_id) for agent_id in context.agents.agent_ids() if agent_id not in described]


@operation("agent.doubles", Scope.READ)
def doubles(context: Context, agents: Sequence[Agent]) -> list[str]:
    """Return one sentence for each of these agents that publishes as the account of another agent.

    That is allowed, and rarely meant: each agent has limits of its own, and both answer for one account.
    """
    first: dict[int, str] = {agent.fid: agent.id for agent in reversed(_others(context, agents))}
    sentences = []
    for agent in agents:
        holder = first.setdefault(agent.fid, agent.id)
        if holder != agent.id:
            sentences.append(
                f"Agent {agent.id!r} has fid {agent.fid} like agent {holder!r}: both publish as one account, each "
                "within limits of its own."
            )
    return sentences


def _store(context: Context, agent: Agent) -> Applied:
    store = context.agents
    old = store.agent(agent.id) if agent.id in store.agent_ids() else None
    slot, fire = upcoming(agent.id, agent.schedule, context.clock.now_ms())
    # The clock of a demonstration may be ahead of the casts, which carry the real time.
    now_ms = min(context.clock.now_ms(), int(time.time() * 1000))
    moves = old is None or old.schedule != agent.schedule
    change = store.save_agent(agent, slot=slot, fire=fire, moves_slot=moves, now_ms=now_ms)
    if change != "unchanged":
        log.info("Agent applied", extra={**event("agent.applied"), "agent": agent.id, "change": change})
    return Applied(agent.id, change)


@operation("agent.list", Scope.READ)
def list_agents(context: Context, agent_ids: Sequence[str] | None = None) -> list[AgentOverview]:
    """Return these agents, all by default, with their statuses; raises `NotFound` for an unknown one."""
    ids = context.agents.agent_ids() if agent_ids is None else agent_ids
    statuses = context.agents.agent_statuses(ids)
    return [AgentOverview(context.agents.agent(status.agent_id), status) for status in statuses]


@operation("agent.show", Scope.READ)
def show_agent(context: Context, agent_id: str) -> AgentDetail:
    """Return an agent with its status, spending, history and latest runs; raises `NotFound`."""
    return AgentDetail(
        agent=context.agents.agent(agent_id),
        status=context.agents.agent_statuses([agent_id])[0],
        spent_usd_today=spent_today(context, agent_id),
        transitions=context.agents.history(agent_id),
        missed_slots=context.agents.missed(agent_id),
        runs=context.runs.recent_runs(agent_id, MAX_RUNS),
    )


def spent_today(context: Context, agent_id: str) -> float:
    """Return the money that an agent has spent or reserved today (UTC), in USD."""
    return context.runs.spent(agent_id, f"{context.clock.now().astimezone(dt.UTC):%Y%m%d}")


@operation("agent.export", Scope.ADMIN)
def export_agents(context: Context, agent_ids: Sequence[str], *, with_secrets: bool = False) -> str:
    """Return agents as a TOML file that `apply_agents` accepts once it is read again."""
    from ceos.config.agents import export_agents as to_toml  # noqa: PLC0415  # only this operation writes files

    return to_toml([context.agents.agent(agent_id) for agent_id in agent_ids], with_secrets=with_secrets)


@operation("agent.pause", Scope.ADMIN)
def pause_agent(context: Context, agent_id: str, reason: str = "paused by the operator") -> bool:
    """Stop an agent: no new slot fires and no further part is sent; returns False if it was paused before."""
    return context.agents.steer("pause", agent_id, reason) == "ok"


@operation("agent.resume", Scope.ADMIN)
def resume_agent(context: Context, agent_id: str) -> bool:
    """Let an agent that is paused or in error continue with its next slot; returns False if it is neither."""
    slot, fire = upcoming(agent_id, context.agents.agent(agent_id).schedule, context.clock.now_ms())
    return context.agents.steer("resume", agent_id, slot=slot, fire=fire) == "ok"


@operation("agent.remove", Scope.ADMIN)
def remove_agent(context: Context, agent_id: str) -> bool:
    """Delete an agent; its published casts stay published."""
    return context.agents.steer("remove", agent_id) == "ok"
