"""`ceos trends`: the current trends, and their relevance to the agents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import click

from ceos.cli.output import command_runtime, json_option, number, say, show_json, show_table
from ceos.domain.runs import Run
from ceos.operations.trends import CurrentTrends, TakenTrend, current_trends
from ceos.trends.store import ClaimedTrend


@click.command()
@json_option
def trends(as_json: bool) -> None:
    """Show the current trends, their sources, and their relevance to each agent.

    Workers read them every CEOS_TRENDS_SECONDS, once for all agents with posts_per_day in [agent.trends].
    """
    runtime = command_runtime()
    now, found = runtime.clock.now(), current_trends(runtime)
    relevances = [
        {agent_id: known[trend.slug] for agent_id, known in found.relevances.items() if trend.slug in known}
        for trend in found.topics
    ]
    if as_json:
        topics = [
            {**trend.model_dump(mode="json", exclude={"strength"}), "relevance": relevance}
            for trend, relevance in zip(found.topics, relevances, strict=True)
        ]
        return show_json({"looked_at": found.looked_at, "agents": found.agents, "gaps": found.gaps, "topics": topics})
    show_table(
        ["topic", "score", "since", "people", "casts", "channels", "relevant to"],
        [
            (
                trend.slug,
                f"{trend.score:.0f}",
                age(now - trend.since),
                trend.authors,
                len(trend.casts),
                " ".join(trend.channels[:4]),
                ", ".join(f"{agent_id} {one.value:.2f}" for agent_id, one in relevance.items()),
            )
            for trend, relevance in zip(found.topics, relevances, strict=True)
        ],
        empty=_empty_sentence(found),
    )
    for gap in found.gaps:
        click.echo(f"Some sources could not be read: {gap}", err=True)
    return None


def _empty_sentence(found: CurrentTrends) -> str:
    if not found.agents:
        return "No agent follows trends; posts_per_day in [agent.trends] of an agent file makes an agent follow them."
    return "There are no trends." if found.looked_at else "Trends were not read yet; 'ceos up' starts workers that do."


def age(span: dt.timedelta) -> str:
    """Return a span of time in words, such as "12 min"."""
    minutes = max(int(span.total_seconds() // 60), 0)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def overview_document(found: CurrentTrends) -> dict[str, Any]:
    """Return the trends as `ceos status --json` shows them."""
    return {
        "looked_at": found.looked_at,
        "topics": len(found.topics),
        "hottest": [trend.slug for trend in found.topics[:3]],
        "gaps": found.gaps,
    }


def overview_line(found: CurrentTrends, now: dt.datetime) -> str:
    """Return the trends as the line that `ceos status` shows."""
    if found.looked_at is None:
        return "Trends: not read yet."
    hottest = f" ({', '.join(trend.slug for trend in found.topics[:3])})" if found.topics else ""
    gaps = ", some sources could not be read" if found.gaps else ""
    return f"Trends: {number(len(found.topics), 'topic')}{hottest}, read {age(now - found.looked_at)} ago{gaps}."


def taken_trend_rows(taken: Sequence[TakenTrend]) -> list[dict[str, Any]]:
    """Return the trends that an agent took up, for `--json`."""
    return [
        {
            "at": one.at,
            "draft": one.run_id,
            "status": one.status,
            "topic": one.taken.trend.slug,
            "score": round(one.taken.trend.score, 1),
            "relevance": round(one.taken.relevance.value, 2),
            "why": one.taken.relevance.reason,
            "judged_by": one.taken.relevance.by,
            "casts": [cast.hash for cast in one.taken.trend.casts],
        }
        for one in taken
    ]


def print_taken_trends(taken: Sequence[TakenTrend]) -> None:
    """Print the trends that an agent took up, if there are any."""
    if taken:
        click.echo()
        columns = ("at", "draft", "status", "score", "relevance", "why")
        show_table(
            ["at (UTC)", *columns[1:]],
            [[row[name] for name in columns] for row in taken_trend_rows(taken)],
            empty="",
            title="Trends taken up",
        )


def print_trend(run: Run, taken: ClaimedTrend) -> None:
    """Print the trend that a run takes up, the reason, and the casts that its model was shown."""
    trend, relevance = taken.trend, taken.relevance
    score, value = f"{trend.score:.0f}", f"{relevance.value:.2f}"
    say(f"trend: {trend.slug}, score {score}; relevance {value} by the {relevance.by}: {relevance.reason}")
    shown = run.draft.sources if run.draft else ()
    for cast in trend.casts:
        if cast.hash in shown:
            say(f"source: {cast.hash} by fid {cast.author_fid}: {cast.text}")
