"""Operations on the skills of agents: their states, and the reasons why some do not run."""

from __future__ import annotations

from ceos.domain.agent import Agent
from ceos.operations.context import Context
from ceos.operations.table import Scope, operation


@operation("skill.refusals", Scope.READ)
def skill_refusals(context: Context, agent: Agent) -> list[str]:
    """Return one sentence for each skill of an agent that may not run here."""
    skills = [context.plugins.skills[use.name] for use in agent.skills if use.name in context.plugins.skills]
    return [refusal for skill in skills if (refusal := context.skill_lock.refusal(skill))]


@operation("skill.states", Scope.READ)
def skill_states(context: Context, agent: Agent) -> dict[str, str]:
    """Return the state of each skill of an agent: its state in the lock, "switched off" or "not installed"."""
    from ceos.skills.session import MAX_FAILURES  # noqa: PLC0415  # loads the sandbox

    failures = context.skill_store.skill_failures(agent.id)
    states = {}
    for name in (use.name for use in agent.skills):
        if name not in context.plugins.skills:
            states[name] = "not installed"
        elif failures.get(name, 0) >= MAX_FAILURES:
            states[name] = "switched off"
        else:
            states[name] = context.skill_lock.state(context.plugins.skills[name])
    return states


@operation("skill.switched-off", Scope.READ)
def switched_off_skills(context: Context) -> dict[str, list[str]]:
    """Return the agents that do without a skill because it failed too often, by the name of the skill."""
    from ceos.skills.session import MAX_FAILURES  # noqa: PLC0415  # loads the sandbox

    found: dict[str, list[str]] = {}
    for agent_id in context.agents.agent_ids():
        uses = {use.name for use in context.agents.agent(agent_id).skills}
        for name, count in context.skill_store.skill_failures(agent_id).items():
            if count >= MAX_FAILURES and name in uses:
                found.setdefault(name, []).append(agent_id)
    return found
