"""The output of `ceos agent show`: one agent as JSON and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ceos.cli.mentions import mention_rows, polling_document, print_mention_list, print_polling
from ceos.cli.metrics import numbers_document, numbers_line
from ceos.cli.output import show_table, when
from ceos.cli.trends import print_taken_trends, taken_trend_rows
from ceos.domain.agent import Agent
from ceos.operations.agents import AgentDetail
from ceos.operations.mentions import list_mentions, polling
from ceos.operations.metrics import numbers
from ceos.operations.models import model_notices
from ceos.operations.trends import taken_trends
from ceos.runtime import Runtime

#: Changes of state that are printed; an agent that replies makes four with each mention, and `--json` has the last 50.
MAX_CHANGES = 12
#: Mentions that are shown.
MAX_MENTIONS = 10

#: The skills of an agent, each with its name, state and failures in a row.
Skills = Sequence[dict[str, Any]]


def document(runtime: Runtime, detail: AgentDetail, skills: Skills) -> dict[str, Any]:
    """Return an agent's details for `--json`."""
    agent = detail.agent
    return {
        "spent_usd_today": detail.spent_usd_today,
        "limits": agent.limits.model_dump(),
        "models": [notice.sentence for notice in model_notices(runtime, [agent])],
        "skills": skills,
        "description": _without_signer(agent),
        "transitions": [item.model_dump(mode="json") for item in detail.transitions],
        "missed_slots": [item.model_dump(mode="json") for item in detail.missed_slots],
        "runs": [item.model_dump(mode="json") for item in detail.runs],
        "listening": polling_document(polling(runtime, agent)),
        "mentions": mention_rows(list_mentions(runtime, [agent.id], MAX_MENTIONS)),
        "trends": taken_trend_rows(taken_trends(runtime, agent)),
        "numbers": numbers_document(numbers(runtime, agent.id)),
    }


def print_agent(runtime: Runtime, detail: AgentDetail, skills: Skills) -> None:
    """Print an agent's details."""
    agent, status = detail.agent, detail.status
    click.echo(f"{agent.id}  {agent.name}  fid {agent.fid}  strategy {agent.strategy}  approval {agent.approval}")
    click.echo(
        f"state      {status.state} since {when(status.since)}" + (f": {status.reason}" if status.reason else "")
    )
    if status.run_id:
        click.echo(f"works on   {status.run_id}, lease until {when(status.lease_until)}")
    click.echo(f"next slot  {when(status.next_slot)} UTC")
    click.echo(f"spent      {detail.spent_usd_today:.4f} of {agent.limits.usd_per_day:.2f} USD today")
    for notice in model_notices(runtime, [agent]):
        click.echo(f"model      {notice.sentence}")
    print_polling(polling(runtime, agent))
    click.echo(f"numbers    {numbers_line(numbers(runtime, agent.id), agent.learning)}")
    click.echo(f"failures   {status.failures} in a row;  missed slots {status.missed}\n")
    if skills:
        rows = [tuple(skill.values()) for skill in skills]
        show_table(["skill", "state", "failures in a row"], rows, empty="", title="Skills")
        click.echo()
    _print_posts(detail)
    if mentions := list_mentions(runtime, [agent.id], MAX_MENTIONS):
        click.echo("\nLast mentions")
        print_mention_list(mentions)
    click.echo()
    _print_changes(detail)
    print_taken_trends(taken_trends(runtime, agent))
    click.echo()


def _print_posts(detail: AgentDetail) -> None:
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
            for run in detail.runs
        ],
        empty="No posts yet.",
        title="Last posts",
    )


def _print_changes(detail: AgentDetail) -> None:
    """Print the last changes of state and the slots that were missed."""
    show_table(
        ["at (UTC)", "from", "to", "run", "reason"],
        [(item.at, item.old, item.new, item.run_id, item.reason) for item in detail.transitions[:MAX_CHANGES]],
        empty="No changes of state yet.",
        title="Last changes of state",
    )
    if detail.missed_slots:
        rows = [(item.slot, item.reason) for item in detail.missed_slots]
        click.echo()
        show_table(["slot (UTC)", "reason"], rows, empty="", title="Missed slots")


def _without_signer(agent: Agent) -> dict[str, object]:
    document = agent.model_dump(mode="json")
    if document["signer_uuid"]:
        document["signer_uuid"] = "[redacted]"
    return document
