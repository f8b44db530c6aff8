"""What agents hear, as `ceos status` and `ceos agent show` tell it."""

from __future__ import annotations

from typing import Any

import click

from ceos.cli.output import say_line, when
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus
from ceos.domain.mentions import Mention
from ceos.domain.runs import Run
from ceos.domain.text import fit
from ceos.runtime import Runtime

#: How much of a mention's text a list shows, in bytes.
SHOWN_BYTES = 100
#: What the ends of a mention are called.
_ENDS = {RunStatus.PUBLISHED: "answered", RunStatus.REACTED: "liked or recast", RunStatus.IGNORED: "ignored"}


def mentions_in_words(counts: dict[str, int]) -> str:
    """Return what became of today's mentions, as one sentence."""
    known = {"open", "opened", *_ENDS}
    other = sum(count for what, count in counts.items() if what not in known)
    ends = [f"{counts.get(status, 0)} {words}" for status, words in _ENDS.items()] + ([f"{other} failed"] * bool(other))
    return f"Mentions: {counts['open']} open; today {counts.get('opened', 0)} new, {', '.join(ends)}."


def listening_document(runtime: Runtime, agent: Agent) -> dict[str, Any]:
    """Return how an agent listens and what its last mentions were."""
    ear = runtime.inbox.ear(agent.id)
    return {
        "enabled": agent.engagement.enabled,
        "looked_at": ear.at if ear else None,
        "failures": ear.failures if ear else 0,
        "why": ear.why if ear else "",
        "waiting": runtime.inbox.waiting([agent.id])[agent.id],
    }


def mentions_document(runtime: Runtime, agent_id: str, limit: int = 10) -> list[dict[str, Any]]:
    """Return the last mentions of an agent, each with what was done about it."""
    rows = []
    for run in runtime.inbox.mention_runs(agent_id, limit):
        mention = runtime.inbox.mention(run.id)
        rows.append({**run.model_dump(mode="json"), "mention": mention.model_dump(mode="json") if mention else None})
    return rows


def print_listening(runtime: Runtime, agent: Agent) -> None:
    """Print one line on how an agent listens."""
    found = listening_document(runtime, agent)
    if not found["enabled"]:
        click.echo("listens    no; [agent.engagement] enabled = true has it answer mentions")
        return
    looked = f"last look {when(found['looked_at'])} UTC" if found["looked_at"] else "no look yet"
    failed = f"; {found['failures']} failed since: {found['why']}" if found["failures"] else ""
    click.echo(f"listens    {looked}, {found['waiting']} waiting{failed}")


def print_mentions(runtime: Runtime, agent_id: str) -> None:
    """Print the last mentions of an agent, if there are any."""
    runs = runtime.inbox.mention_runs(agent_id, 10)
    if runs:
        click.echo("\nLast mentions")
        print_mention_list(runtime, runs)


def print_mention_list(runtime: Runtime, runs: list[Run]) -> None:
    """Print mentions with what was done about them: two lines each, since ids, words and reasons fill no table well."""
    for run in runs:
        mention = runtime.inbox.mention(run.id)
        why = run.reason or (run.draft.notes[0] if run.draft and run.draft.notes else "")
        say_line(f"{run.id}  {run.status}" + (f": {why}" if why else ""))
        if mention:
            text = " ".join(mention.text.split())
            say_line(f"    {mention.kind} by {_author(mention)}: {fit(text, SHOWN_BYTES) or '(no text)'}")


def print_mention(mention: Mention) -> None:
    """Print a mention whole: who wrote it, when, and what."""
    score = "no score" if mention.author_score is None else f"score {mention.author_score:.2f}"
    text = " ".join(mention.text.split()) or "(no text)"
    say_line(
        f"{mention.kind} by {_author(mention)} (fid {mention.author_fid}, {score}) at {when(mention.at)} UTC: {text}"
    )


def _author(mention: Mention) -> str:
    return f"@{mention.author_name}" if mention.author_name else f"fid {mention.author_fid}"
