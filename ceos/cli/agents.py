"""`ceos agent …`: the agents and what they are doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ceos.cli.mentions import listening_document, mentions_document, print_listening, print_mentions
from ceos.cli.metrics import numbers_document, numbers_line
from ceos.cli.output import (
    Verbs,
    agents_argument,
    chosen_agents,
    command_runtime,
    json_option,
    show_json,
    show_table,
    when,
)
from ceos.cli.trends import print_taken_up, taken_up
from ceos.domain.agent import Agent, AgentStatus
from ceos.errors import CeosError, InvalidInput
from ceos.runtime import Runtime

#: Changes of state that are printed; an agent that answers makes four with each mention, and `--json` has the last 50.
SHOWN_CHANGES = 12


@click.group(cls=Verbs)
def agent() -> None:
    """Describe agents in TOML files and steer them."""


@agent.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def apply(files: tuple[Path, ...], as_json: bool) -> None:
    """Store the agents described in FILEs; running workers take them over at the next slot.

    Applying the same file again changes nothing. If any file has a mistake, nothing is stored.
    """
    from ceos.config.agents import load_agents  # noqa: PLC0415  # keeps the other commands quick

    runtime = command_runtime()
    agents = load_agents(files, runtime.plugins.strategies)
    applied = runtime.apply(agents)
    statuses = {status.agent_id: status for status in runtime.agents.agent_statuses([item.id for item in agents])}
    if as_json:
        return show_json([{"agent": item.agent_id, "change": item.change} for item in applied])
    show_table(
        ["agent", "change", "next slot"],
        [(item.agent_id, item.change, when(statuses[item.agent_id].next_slot)) for item in applied],
        empty="No agents in these files.",
    )
    try:
        for described in agents:
            for refusal in runtime.refusals(described):
                click.echo(f"Agent {described.id!r} works without a skill for now. {refusal}", err=True)
    except InvalidInput as error:
        # The agents are stored; what is broken is the lock file.
        click.echo(f"Agents work without their skills for now. {error}", err=True)
    return None


@agent.command("list")
@json_option
def list_agents(as_json: bool) -> None:
    """List all agents."""
    runtime = command_runtime()
    ids = runtime.agents.agent_ids()
    statuses = runtime.agents.agent_statuses(ids)
    agents = [runtime.agents.agent(agent_id) for agent_id in ids]
    if as_json:
        return show_json([_summary(one, status) for one, status in zip(agents, statuses, strict=True)])
    return show_table(
        ["agent", "state", "strategy", "approval", "next slot (UTC)", "missed", "reason"],
        [
            (one.id, status.state, one.strategy, one.approval, status.next_slot, status.missed, status.reason)
            for one, status in zip(agents, statuses, strict=True)
        ],
        empty="No agents yet; 'ceos agent apply FILE' makes one.",
    )


@agent.command()
@agents_argument
@json_option
def show(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Show agents with their state, the last changes of it, their skills, their posts and what they missed."""
    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    documents = []
    if not ids and not as_json:
        click.echo("No agents yet; 'ceos agent apply FILE' makes one.")
    for agent_id in ids:
        one, status = runtime.agents.agent(agent_id), runtime.agents.agent_statuses([agent_id])[0]
        documents.append(
            {
                **_summary(one, status),
                "spent_usd_today": runtime.spent_today(agent_id),
                "limits": one.limits.model_dump(),
                "skills": _skills(runtime, one),
                "description": _without_signer(one),
                "transitions": [item.model_dump(mode="json") for item in runtime.agents.history(agent_id)],
                "missed_slots": [item.model_dump(mode="json") for item in runtime.agents.missed(agent_id)],
                "runs": [item.model_dump(mode="json") for item in runtime.runs.recent_runs(agent_id, 10)],
                "listening": listening_document(runtime, one),
                "mentions": mentions_document(runtime, agent_id),
                "trends": taken_up(runtime, one),
                "numbers": numbers_document(runtime, agent_id),
            }
        )
        if not as_json:
            _print_one(one, status, documents[-1])
    if as_json:
        show_json(documents)


def _skills(runtime: Runtime, one: Agent) -> list[dict[str, Any]]:
    """Return the skills of an agent, each with its state and its failures in a row."""
    failures = runtime.skill_store.skill_failures(one.id)
    try:
        states = runtime.skill_states(one)
    except CeosError as error:
        # A plugin or the lock file is broken, which keeps nobody from looking at an agent.
        click.echo(f"Without the states of skills: {error}", err=True)
        states = {}
    return [
        {"skill": name, "state": states.get(name), "failures": failures.get(name, 0)}
        for name in (use.name for use in one.skills)
    ]


def _print_one(one: Agent, status: AgentStatus, document: dict[str, Any]) -> None:
    runtime = command_runtime()
    click.echo(f"{one.id}  {one.name}  fid {one.fid}  strategy {one.strategy}  approval {one.approval}")
    click.echo(
        f"state      {status.state} since {when(status.since)}" + (f": {status.reason}" if status.reason else "")
    )
    if status.run_id:
        click.echo(f"works on   {status.run_id}, lease until {when(status.lease_until)}")
    click.echo(f"next slot  {when(status.next_slot)} UTC")
    click.echo(f"spent      {document['spent_usd_today']:.4f} of {one.limits.usd_per_day:.2f} USD today")
    print_listening(runtime, one)
    click.echo(f"numbers    {numbers_line(runtime, one)}")
    click.echo(f"failures   {status.failures} in a row;  missed slots {status.missed}\n")
    if one.skills:
        rows = [tuple(skill.values()) for skill in document["skills"]]
        show_table(["skill", "state", "failures in a row"], rows, empty="", title="Skills")
        click.echo()
    _print_posts(runtime, one.id)
    print_mentions(runtime, one.id)
    click.echo()
    _print_changes(runtime, one.id)
    print_taken_up(taken_up(runtime, one))
    click.echo()


def _print_posts(runtime: Runtime, agent_id: str) -> None:
    """Print the last posts."""
    show_table(
        ["run", "status", "kind", "parts", "casts", "reason"],
        [
            (
                run.id,
                run.status,
                run.kind,
                len(run.draft.parts) if run.draft else None,
                sum(hash is not None for hash in run.hashes),
                run.reason,
            )
            for run in runtime.runs.recent_runs(agent_id, 10)
        ],
        empty="No posts yet.",
        title="Last posts",
    )


def _print_changes(runtime: Runtime, agent_id: str) -> None:
    """Print the last changes of state and the slots that were missed."""
    show_table(
        ["at (UTC)", "from", "to", "run", "reason"],
        [
            (item.at, item.old, item.new, item.run_id, item.reason)
            for item in runtime.agents.history(agent_id)[:SHOWN_CHANGES]
        ],
        empty="No changes of state yet.",
        title="Last changes of state",
    )
    missed = runtime.agents.missed(agent_id)
    if missed:
        click.echo()
        show_table(
            ["slot (UTC)", "reason"], [(item.slot, item.reason) for item in missed], empty="", title="Missed slots"
        )


@agent.command()
@agents_argument
@click.option("--with-secrets", is_flag=True, help="Include signer ids that are written in the description itself.")
def export(agent_ids: tuple[str, ...], all_agents: bool, with_secrets: bool) -> None:
    """Print agents as a TOML file that 'ceos agent apply' takes."""
    from ceos.config.agents import export_agents  # noqa: PLC0415  # keeps the other commands quick

    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    if not ids:
        click.echo("No agents yet; 'ceos agent apply FILE' makes one.", err=True)
    click.echo(export_agents([runtime.agents.agent(one) for one in ids], with_secrets=with_secrets), nl=False)


def _steer(verb: str, past: str, agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    change = {"pause": runtime.pause, "resume": runtime.resume, "remove": runtime.remove}[verb]
    rows = [(agent_id, past if change(agent_id) == "ok" else "unchanged") for agent_id in ids]
    if as_json:
        return show_json([{"agent": agent_id, "change": what} for agent_id, what in rows])
    return show_table(["agent", "change"], rows, empty="No agents yet.")


@agent.command()
@agents_argument
@json_option
def pause(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Stop agents: no new slot fires and no further part of a thread leaves."""
    _steer("pause", "paused", agent_ids, all_agents, as_json)


@agent.command()
@agents_argument
@json_option
def resume(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Let paused agents, and agents in error, go on with their next slot."""
    _steer("resume", "resumed", agent_ids, all_agents, as_json)


@agent.command()
@agents_argument
@json_option
def remove(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Forget agents; what they published stays published."""
    _steer("remove", "removed", agent_ids, all_agents, as_json)


def _without_signer(one: Agent) -> dict[str, object]:
    document = one.model_dump(mode="json")
    if document["signer_uuid"]:
        document["signer_uuid"] = "[redacted]"
    return document


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
