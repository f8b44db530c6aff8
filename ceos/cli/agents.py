"""`ceos agent …`: the agents and their states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ceos.cli.output import (
    Verbs,
    agents_argument,
    chosen_agents,
    command_runtime,
    json_option,
    listing,
    show_json,
    show_table,
    when,
)
from ceos.domain.agent import Agent, AgentStatus
from ceos.errors import CeosError, InvalidInput
from ceos.operations import agents as operations
from ceos.operations.models import ModelNotice, model_notices
from ceos.operations.skills import skill_refusals, skill_states
from ceos.runtime import Runtime

#: Printed when there are no agents.
NO_AGENTS = "No agents yet; 'ceos agent apply FILE' makes one."


@click.group(cls=Verbs)
def agent() -> None:
    """Describe agents in TOML files and control them."""


@agent.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def apply(files: tuple[Path, ...], as_json: bool) -> None:
    """Store the agents described in FILEs; running workers use them from the next slot on.

    Applying the same file again changes nothing. If any file has a mistake, nothing is stored.
    """
    from ceos.config.agents import load_agents  # noqa: PLC0415  # only this command reads agent files

    runtime = command_runtime()
    agents = load_agents(files, runtime.plugins.strategies)
    applied = operations.apply_agents(runtime, agents)
    for sentence in operations.doubles(runtime, agents):
        click.echo(sentence, err=True)
    # Without a key nothing can be written, which 'ceos doctor' says.
    notices = model_notices(runtime, agents, may_fetch=runtime.settings.openrouter_api_key is not None)
    if as_json:
        return show_json([_change(item, notices) for item in applied])
    statuses = [one.status for one in operations.list_agents(runtime, [item.agent_id for item in applied])]
    show_table(
        ["agent", "change", "next slot"],
        [(item.agent_id, item.change, when(one.next_slot)) for item, one in zip(applied, statuses, strict=True)],
        empty="No agents in these files.",
    )
    for notice in notices:
        click.echo(f"{listing(notice.agents)}: {notice.sentence}", err=True)
    try:
        for described in agents:
            for refusal in skill_refusals(runtime, described):
                click.echo(f"Agent {described.id!r} works without a skill for now. {refusal}", err=True)
    except InvalidInput as error:
        # The agents are stored; only the lock file is broken.
        click.echo(f"Agents work without their skills for now. {error}", err=True)
    return None


@agent.command("list")
@json_option
def list_agents(as_json: bool) -> None:
    """List all agents."""
    overviews = operations.list_agents(command_runtime())
    if as_json:
        return show_json([_summary(one.agent, one.status) for one in overviews])
    return show_table(
        ["agent", "state", "strategy", "approval", "next slot (UTC)", "missed", "reason"],
        [
            (
                one.agent.id,
                one.status.state,
                one.agent.strategy,
                one.agent.approval,
                one.status.next_slot,
                one.status.missed,
                one.status.reason,
            )
            for one in overviews
        ],
        empty=NO_AGENTS,
    )


@agent.command()
@agents_argument
@json_option
def show(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Show agents with their state and its latest changes, their skills, their posts and their missed slots."""
    from ceos.cli.agent_detail import document, print_agent  # noqa: PLC0415  # loads what the metrics need

    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    documents = []
    if not ids and not as_json:
        click.echo(NO_AGENTS)
    for agent_id in ids:
        detail = operations.show_agent(runtime, agent_id)
        skills = _skills(runtime, detail.agent)
        if as_json:
            documents.append({**_summary(detail.agent, detail.status), **document(runtime, detail, skills)})
        else:
            print_agent(runtime, detail, skills)
    if as_json:
        show_json(documents)


def _change(applied: operations.Applied, notices: Sequence[ModelNotice]) -> dict[str, object]:
    """Return the outcome for one agent, with the sentences about its models if there are any."""
    sentences = [notice.sentence for notice in notices if applied.agent_id in notice.agents]
    outcome: dict[str, object] = {"agent": applied.agent_id, "change": applied.change}
    return {**outcome, "models": sentences} if sentences else outcome


def _skills(runtime: Runtime, one: Agent) -> list[dict[str, Any]]:
    """Return the skills of an agent, each with its state and its failures in a row."""
    if not one.skills:
        return []
    failures = runtime.skill_store.skill_failures(one.id)
    try:
        states = skill_states(runtime, one)
    except CeosError as error:
        # A broken plugin or lock file does not keep an operator from showing an agent.
        click.echo(f"Without the states of skills: {error}", err=True)
        states = {}
    return [
        {"skill": name, "state": states.get(name), "failures": failures.get(name, 0)}
        for name in (use.name for use in one.skills)
    ]


@agent.command()
@agents_argument
@click.option("--with-secrets", is_flag=True, help="Include signer ids that are written in the description itself.")
def export(agent_ids: tuple[str, ...], all_agents: bool, with_secrets: bool) -> None:
    """Print agents as a TOML file that 'ceos agent apply' accepts."""
    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    if not ids:
        click.echo(NO_AGENTS, err=True)
    click.echo(operations.export_agents(runtime, ids, with_secrets=with_secrets), nl=False)


def _change_all(
    change: Callable[[Runtime, str], bool], done: str, agent_ids: tuple[str, ...], all_agents: bool, as_json: bool
) -> None:
    """Apply an operation to each agent that a command names, and print the outcomes."""
    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    rows = [(agent_id, done if change(runtime, agent_id) else "unchanged") for agent_id in ids]
    if as_json:
        return show_json([{"agent": agent_id, "change": outcome} for agent_id, outcome in rows])
    return show_table(["agent", "change"], rows, empty="No agents yet.")


@agent.command()
@agents_argument
@json_option
def pause(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Stop agents: no new slot fires and no further part of a thread is sent."""
    _change_all(operations.pause_agent, "paused", agent_ids, all_agents, as_json)


@agent.command()
@agents_argument
@json_option
def resume(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Let paused agents, and agents in error, continue with their next slot."""
    _change_all(operations.resume_agent, "resumed", agent_ids, all_agents, as_json)


@agent.command()
@agents_argument
@json_option
def remove(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Delete agents; their published casts stay published."""
    _change_all(operations.remove_agent, "removed", agent_ids, all_agents, as_json)


def _summary(one: Agent, status: AgentStatus) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "fid": one.fid,
        "strategy": one.strategy,
        "approval": one.approval,
        "state": status.state,
        "since": status.since,
        "reason": status.reason,
        "run": status.run_id,
        "failures": status.failures,
        "next_slot": status.next_slot,
        "missed": status.missed,
    }
