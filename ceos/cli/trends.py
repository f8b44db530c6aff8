"""`ceos trends`: what many talk about, and how much of it concerns which agent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from ceos.cli.output import command_runtime, json_option, number, say, show_json, show_table
from ceos.domain.agent import Agent
from ceos.domain.runs import Run
from ceos.runs.ids import RunId
from ceos.runtime import Runtime


@click.command()
@json_option
def trends(as_json: bool) -> None:
    """Show what many talk about, where that comes from, and how relevant it is to whom.

    Looked up by the workers every CEOS_TRENDS_SECONDS, once for all agents with posts_per_day in [agent.trends].
    """
    runtime = command_runtime()
    now, look, found = runtime.clock.now(), runtime.trend_store.look(), runtime.trends.current()
    agents = runtime.trend_store.agents()
    relevances = {agent_id: runtime.trend_store.judged(agent_id) for agent_id in agents}
    topics = [
        {
            **trend.model_dump(mode="json", exclude={"strength"}),
            "relevance": {one: known[trend.slug] for one, known in relevances.items() if trend.slug in known},
        }
        for trend in found
    ]
    gaps = list(look.gaps) if look else []
    if as_json:
        return show_json({"looked_at": look.at if look else None, "agents": agents, "gaps": gaps, "topics": topics})
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
                _relevant(topic["relevance"]),
            )
            for trend, topic in zip(found, topics, strict=True)
        ],
        empty=_nothing(agents, looked=look is not None),
    )
    for gap in gaps:
        click.echo(f"Not all could be read: {gap}", err=True)
    return None


def _relevant(relevances: dict[str, Any]) -> str:
    return ", ".join(f"{agent_id} {one.value:.2f}" for agent_id, one in relevances.items())


def _nothing(agents: list[str], *, looked: bool) -> str:
    if not agents:
        return "Nobody looks for trends; posts_per_day in [agent.trends] of an agent file makes an agent care."
    return "Nothing is trending." if looked else "Nobody has looked yet; 'ceos up' starts workers that do."


def age(span: dt.timedelta) -> str:
    """Return a span of time as people read it, such as "12 min"."""
    minutes = max(int(span.total_seconds() // 60), 0)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def overview(runtime: Runtime) -> dict[str, Any] | None:
    """Return what `ceos status` says of trends, or None while no agent cares."""
    if not runtime.trend_store.agents():
        return None
    look = runtime.trend_store.look()
    return {
        "looked_at": look.at if look else None,
        "topics": len(runtime.trends.current()),
        "hottest": [trend.slug for trend in runtime.trends.current()[:3]],
        "gaps": list(look.gaps) if look else [],
    }


def overview_line(runtime: Runtime, found: dict[str, Any]) -> str:
    """Return the same as a line."""
    if found["looked_at"] is None:
        return "Trends: nobody has looked yet."
    hottest = f" ({', '.join(found['hottest'])})" if found["hottest"] else ""
    gaps = ", not all could be read" if found["gaps"] else ""
    ago = age(runtime.clock.now() - found["looked_at"])
    return f"Trends: {number(found['topics'], 'topic')}{hottest}, looked {ago} ago{gaps}."


def taken_up(runtime: Runtime, agent: Agent) -> list[dict[str, Any]]:
    """Return what an agent has taken up lately and why, newest first."""
    since = runtime.clock.now() - dt.timedelta(days=7)
    taken = runtime.trend_store.recently_taken(agent.id, since)[:10]
    runs = [str(RunId.trend(agent.id, one.trend.slug, int(at.timestamp() * 1000))) for at, one in taken]
    status = {run.id: run.status for run in runtime.runs.runs(runs)}
    return [
        {
            "at": at,
            "draft": run,
            "status": status.get(run),
            "topic": one.trend.slug,
            "score": round(one.trend.score, 1),
            "relevance": round(one.relevance.value, 2),
            "why": one.relevance.reason,
            "judged_by": one.relevance.by,
            "casts": [cast.hash for cast in one.trend.casts],
        }
        for run, (at, one) in zip(runs, taken, strict=True)
    ]


def print_taken_up(rows: list[dict[str, Any]]) -> None:
    """Print what `taken_up` returns, if that is anything."""
    if rows:
        click.echo()
        columns = ("at", "draft", "status", "score", "relevance", "why")
        show_table(
            ["at (UTC)", *columns[1:]],
            [[row[name] for name in columns] for row in rows],
            empty="",
            title="Trends taken up",
        )


def print_trend(runtime: Runtime, run: Run) -> None:
    """Print what a run takes up and why, if it does."""
    taken = runtime.trend_store.taken(run.id)
    if taken is None:
        return
    trend, relevance = taken.trend, taken.relevance
    score, value = f"{trend.score:.0f}", f"{relevance.value:.2f}"
    say(f"trend: {trend.slug}, score {score}; relevance {value} by the {relevance.by}: {relevance.reason}")
    shown = run.draft.sources if run.draft else ()
    for cast in trend.casts:
        if cast.hash in shown:
            say(f"source: {cast.hash} by fid {cast.author_fid}: {cast.text}")
