"""`ceos metrics`: followers and reactions, weekly scores, and advice."""

from __future__ import annotations

import datetime as dt
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ceos.cli.output import command_runtime, json_option, number, say, show_json, show_table, when
from ceos.errors import InvalidInput
from ceos.metrics.report import Report, per_post
from ceos.operations.metrics import Numbers, learning_advice, metrics_reports, weekly_scores
from ceos.runtime import Runtime
from ceos.score import WeekScore

_SPAN = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
#: Posts that are listed for one agent.
MAX_POSTS = 15


@click.command()
@click.argument("agent_ids", metavar="[AGENT]...", nargs=-1)
@click.option("--all", "all_agents", is_flag=True, help="All agents, as without any name.")
@click.option("--since", default="7d", show_default=True, help="From when: 24h, 7d, 4w, or a date such as 2026-01-31.")
@click.option("--plot", is_flag=True, help="Draw followers and reactions in the terminal.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write them to a .png or .svg file.")
@click.option("--score", "with_score", is_flag=True, help="Show the weekly scores with their parts.")
@click.option(
    "--advice", "with_advice", is_flag=True, help="Show the changes that learning would make, and how sure they are."
)
@json_option
def metrics(
    *,
    agent_ids: tuple[str, ...],
    all_agents: bool,
    since: str,
    plot: bool,
    out: Path | None,
    with_score: bool,
    with_advice: bool,
    as_json: bool,
) -> None:
    """Show followers and reactions of AGENTs; of all of them when none is named."""
    if all_agents and agent_ids:
        raise click.UsageError("Name agents or use --all, not both.")
    if out is not None:
        check_ending(out)
    if as_json and plot:
        raise click.UsageError("A plot is not JSON; use --plot or --json.")
    runtime = command_runtime()
    now = runtime.clock.now()
    start = since_when(since, now)
    ids = list(dict.fromkeys(agent_ids)) or runtime.agents.agent_ids()
    reports = metrics_reports(runtime, ids, start, now)
    if not ids and not as_json:
        return click.echo("No agents yet; 'ceos agent apply FILE' makes one.")
    if as_json:
        show_json(_document(runtime, reports, start, now, with_score=with_score, with_advice=with_advice))
    elif with_score or with_advice:
        if with_score:
            _print_scores(runtime, ids, now)
        if with_advice:
            _print_advice(runtime, ids, now)
    elif plot:
        _print_plot(reports, start)
    elif out is None:
        _print_table(reports, start)
    if out is not None:
        _write(reports, out, quiet=as_json)
    return None


def check_ending(out: Path) -> None:
    """Raise `InvalidInput` for a file that cannot be drawn, before any data is read."""
    if out.suffix.lower() not in (".png", ".svg"):
        raise InvalidInput(f"{out.name!r} is neither a .png nor an .svg file; the ending decides the format.")
    if not find_spec("matplotlib"):
        raise InvalidInput("Pictures need the extra 'plots'; install it with: pip install 'ceos[plots]'.")


def since_when(text: str, now: dt.datetime) -> dt.datetime:
    """Return the moment that `--since` means; raises `InvalidInput`."""
    if (match := _SPAN.fullmatch(text.strip().lower())) and int(match[1]):
        return now - dt.timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--since {text!r} is neither a span nor a date; use 24h, 7d, 4w or 2026-01-31.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if moment > now:
        raise InvalidInput(f"--since {text} lies in the future.")
    return moment


# For 'ceos agent show'


def numbers_document(found: Numbers) -> dict[str, Any]:
    """Return the figures of an agent for `--json`; None is unknown."""
    return {
        "followers": found.followers,
        "followers_change_7d": found.followers_change_7d,
        "week": found.week.inputs.week if found.week else None,
        "score": found.week.score.model_dump(exclude={"version"}) if found.week else None,
    }


def numbers_line(found: Numbers, learning: str) -> str:
    """Return the same in words, with the mode of learning."""
    change = "" if found.followers_change_7d is None else f" ({found.followers_change_7d:+d} in 7 days)"
    known = "followers not counted yet" if found.followers is None else f"{found.followers:,} followers{change}"
    week = found.week
    scored = f"score {week.score.total:.1f} in {week.inputs.week}" if week else "no week scored yet"
    return f"{known};  {scored};  learning {learning}"


# Tables


def _print_table(reports: list[Report], start: dt.datetime) -> None:
    accounts, reactions = [], []
    for one in reports:
        followers, change = one.change("followers")
        accounts.append(
            (
                one.agent, followers, None if change is None else f"{change:+d}", one.change("following")[0],
                one.change("storage")[0],
            )
        )  # fmt: skip
        reactions.append(
            (
                one.agent, sum(day.posts for day in one.days), sum(day.likes for day in one.days),
                sum(day.recasts for day in one.days), sum(day.replies for day in one.days), _quotes(one),
                _plain(per_post(one.posts)),
            )
        )  # fmt: skip
    of_accounts = ("agent", "followers", "change", "following", "storage")
    show_table(of_accounts, accounts, empty="", title=f"Accounts since {when(start)} UTC")
    click.echo()
    of_posts = ("agent", "posts", "likes", "recasts", "replies", "quotes", "per post")
    show_table(of_posts, reactions, empty="", title="Reactions to the posts since then")
    if len(reports) == 1:
        _print_posts(reports[0])
    for one in reports:
        if hint := _nothing(one):
            say(f"{one.agent}: {hint}")


def _print_posts(one: Report) -> None:
    if not one.posts:
        return
    click.echo()
    shown = one.posts[-MAX_POSTS:][::-1]
    rows = [
        (
            when(line.at)[:16], line.kind, _age(line.measured_at - line.at), line.likes, line.recasts, line.replies,
            line.quotes, None if line.times_usual is None else f"{line.times_usual:g}x",
        )
        for line in shown
    ]  # fmt: skip
    title = f"Posts, newest first ({len(shown)} of {len(one.posts)})" if len(shown) < len(one.posts) else "Posts"
    columns = ["published (UTC)", "kind", "after", "likes", "recasts", "replies", "quotes", "x usual"]
    show_table(columns, rows, empty="", title=title)


def _nothing(one: Report) -> str:
    """Return a sentence on the figures that are missing and their next time, or an empty string."""
    missing = []
    if not one.points:
        missing.append("its account was not counted in this time; workers count every hour")
    if not one.days:
        missing.append("no post was measured in this time; that happens 1, 6, 24 and 168 hours after publication")
    return "; ".join(missing) + "." if missing else ""


def _quotes(one: Report) -> int | None:
    known = [day.quotes for day in one.days if day.quotes is not None]
    return sum(known) if known or not one.days else None


def _age(age: dt.timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


# Pictures


def _print_plot(reports: list[Report], start: dt.datetime) -> None:
    from ceos.metrics import charts  # noqa: PLC0415  # only for this

    text = charts.terminal(reports, colours=sys.stdout.isatty())
    if text:
        click.echo(text)
    for one in reports:
        if hint := _nothing(one):
            say(f"{one.agent}, since {when(start)} UTC: {hint}")


def _write(reports: list[Report], out: Path, *, quiet: bool) -> None:
    from ceos.metrics import charts  # noqa: PLC0415  # only for this

    if not any(one.points or one.days for one in reports):
        click.echo("There is nothing to draw in this time; no file was written.", err=True)
        return
    charts.write(reports, out)
    if not quiet:
        say(f"{out} is written.")


# Scores


def _print_scores(runtime: Runtime, ids: list[str], now: dt.datetime) -> None:
    rows = [
        (
            agent_id,
            week.inputs.week + ("" if is_final else " so far"),
            *(f"{part:.1f}" for part in _parts(week)),
            len(week.inputs.posts),
        )
        for agent_id in ids
        for week, is_final in weekly_scores(runtime, agent_id, now)
    ]
    show_table(
        ["agent", "week", "score", "engagement 40%", "growth 20%", "quality 25%", "uptime 15%", "posts"],
        rows,
        empty="No week has had a post or a slot yet. A week is scored on the Tuesday after it (UTC).",
        title="Scores, 0 to 100",
    )


def _parts(week: WeekScore) -> tuple[float, ...]:
    one = week.score
    return (one.total, one.engagement, one.growth, one.quality, one.uptime)


# Advice


def _print_advice(runtime: Runtime, ids: list[str], now: dt.datetime) -> None:
    for agent_id in ids:
        found = learning_advice(runtime, agent_id, now)
        say(f"{agent_id}: learning {found.learning}, {number(found.posts, 'measured post')}")
        for title, choices in (("Kinds", found.kinds), ("Hours (by the agent's clock)", found.hours)):
            if choices:
                rows = [
                    (
                        one.name, one.posts, f"{one.times_usual:g}x", f"{one.low:g}x to {one.high:g}x",
                        *(() if title != "Kinds" else (f"{one.share:.0f}%", f"{one.would_be:.0f}%")),
                        "-" if one == choices[0] else f"{one.against_best:.0%}",
                    )
                    for one in choices
                ]  # fmt: skip
                shares = ["share", "would be"] if title == "Kinds" else []
                columns = ["", "posts", "of the usual", "80% range", *shares, f"better than {choices[0].name}"]
                columns[0] = "kind" if title == "Kinds" else "hour"
                show_table(columns, rows, empty="", title=title)
        for sentence in found.sentences:
            say(sentence)
        click.echo()


# JSON


def _document(
    runtime: Runtime,
    reports: list[Report],
    start: dt.datetime,
    now: dt.datetime,
    *,
    with_score: bool,
    with_advice: bool,
) -> dict[str, Any]:
    agents = []
    for one in reports:
        row = one.model_dump(mode="json", exclude={"since", "until"})
        if with_score:
            row["scores"] = [
                {**week.model_dump(mode="json"), "is_final": is_final}
                for week, is_final in weekly_scores(runtime, one.agent, now)
            ]
        if with_advice:
            row["advice"] = learning_advice(runtime, one.agent, now).model_dump(mode="json")
        agents.append(row)
    return {"since": start.isoformat(), "until": now.isoformat(), "agents": agents}
