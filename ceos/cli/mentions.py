"""Mentions as `ceos status`, `ceos agent show` and `ceos draft` print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from ceos.cli.output import say_line, when
from ceos.domain.lifecycle import RunStatus
from ceos.domain.mentions import Mention
from ceos.domain.runs import Run
from ceos.domain.text import fit
from ceos.operations.mentions import Polling

#: Part of a mention's text that a list shows, in bytes.
MAX_TEXT_BYTES = 100
#: The words for the outcomes of a mention.
_OUTCOMES = {RunStatus.PUBLISHED: "answered", RunStatus.REACTED: "liked or recast", RunStatus.IGNORED: "ignored"}


def mentions_in_words(counts: Mapping[str, int]) -> str:
    """Return the outcomes of today's mentions as one sentence."""
    known = {"open", "opened", *_OUTCOMES}
    other = sum(count for outcome, count in counts.items() if outcome not in known)
    ends = [f"{counts.get(status, 0)} {words}" for status, words in _OUTCOMES.items()]
    ends += [f"{other} failed"] * bool(other)
    return f"Mentions: {counts['open']} open; today {counts.get('opened', 0)} new, {', '.join(ends)}."


def polling_document(found: Polling) -> dict[str, Any]:
    """Return the state of an agent's polls for `--json`."""
    return asdict(found)


def print_polling(found: Polling) -> None:
    """Print one line on an agent's polls."""
    if not found.enabled:
        click.echo("listens    no; [agent.engagement] enabled = true makes it answer mentions")
        return
    polled = f"last poll {when(found.looked_at)} UTC" if found.looked_at else "no poll yet"
    failed = f"; {found.failures} failed since: {found.why}" if found.failures else ""
    click.echo(f"listens    {polled}, {found.waiting} waiting{failed}")


def mention_rows(mentions: Sequence[tuple[Run, Mention | None]]) -> list[dict[str, Any]]:
    """Return mentions with their runs for `--json`."""
    return [
        {**run.model_dump(mode="json"), "mention": mention.model_dump(mode="json") if mention else None}
        for run, mention in mentions
    ]


def print_mention_list(mentions: Sequence[tuple[Run, Mention | None]]) -> None:
    """Print mentions with their outcomes, in two lines each: ids, texts and reasons do not fit into a table."""
    for run, mention in mentions:
        why = run.reason or (run.draft.notes[0] if run.draft and run.draft.notes else "")
        say_line(f"{run.id}  {run.status}" + (f": {why}" if why else ""))
        if mention:
            text = " ".join(mention.text.split())
            say_line(f"    {mention.kind} by {_author(mention)}: {fit(text, MAX_TEXT_BYTES) or '(no text)'}")


def print_mention(mention: Mention) -> None:
    """Print the author, the time and the whole text of a mention."""
    score = "no score" if mention.author_score is None else f"score {mention.author_score:.2f}"
    text = " ".join(mention.text.split()) or "(no text)"
    say_line(
        f"{mention.kind} by {_author(mention)} (fid {mention.author_fid}, {score}) at {when(mention.at)} UTC: {text}"
    )


def _author(mention: Mention) -> str:
    return f"@{mention.author_name}" if mention.author_name else f"fid {mention.author_fid}"
