"""The output of commands: tables with rich on a terminal, plain columns in a pipe, JSON with `--json`."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from ceos.domain.text import visible
from ceos.runtime import Runtime, get_runtime

F = TypeVar("F", bound=Callable[..., Any])


#: Columns of ids, which a terminal does not break, because users copy them.
IDS = ("agent", "draft", "run", "works on")
#: Cells of at most so many characters are not broken either if there is room for the longest word of each column.
MAX_SHORT_CHARACTERS = 10


class Verbs(click.Group):
    """The commands under one noun; `--help` lists them with their whole sentences, which click would cut off."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            names = self.list_commands(ctx)
            formatter.write_dl([(name, self.commands[name].get_short_help_str(limit=200)) for name in names])


def json_option(command: F) -> F:
    """Add `--json` to a command, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def agents_argument(command: F) -> F:
    """Add `AGENT… | --all` to a command, as the arguments `agent_ids` and `all_agents`."""
    command = click.argument("agent_ids", metavar="AGENT...", nargs=-1)(command)
    return click.option("--all", "all_agents", is_flag=True, help="All agents.")(command)


def chosen_agents(runtime: Runtime, agent_ids: Sequence[str], *, all_agents: bool) -> list[str]:
    """Return the agents that a command names; raises a usage error for none or both, `NotFound` for an unknown one."""
    if all_agents and agent_ids:
        raise click.UsageError("Name agents or use --all, not both.")
    if all_agents:
        return runtime.agents.agent_ids()
    if not agent_ids:
        raise click.UsageError("Name at least one agent, or use --all.")
    for agent_id in agent_ids:
        runtime.agents.agent(agent_id)
    return list(dict.fromkeys(agent_ids))


def command_runtime() -> Runtime:
    """Return the runtime with the log set up for a person at a terminal."""
    runtime = get_runtime()
    log_for_person(runtime.settings.log_level)
    return runtime


def log_for_person(level: str) -> None:
    """Set the log up for a person at a terminal: warnings and worse as text, tracebacks only at level debug."""
    from ceos import logs  # noqa: PLC0415  # keeps 'ceos --help' instant

    logs.configure("warning" if level == "info" else level, "text", tracebacks=level == "debug")


def say(text: str, *, err: bool = False) -> None:
    """Print a text that may contain untrusted text."""
    click.echo(visible(text), err=err)


def say_line(text: str, *, err: bool = False) -> None:
    """Print one line; line breaks in untrusted text are replaced, so that it cannot imitate a line of the output."""
    click.echo(visible(text, keep=""), err=err)


def show_json(data: Any) -> None:
    """Print data as JSON: times in ISO 8601, control and direction characters escaped."""
    text = json.dumps(data, indent=2, ensure_ascii=False, default=_plain)
    click.echo("".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str, title: str | None = None) -> None:
    """Print rows under column heads, or the sentence `empty` when there are none."""
    if not rows:
        click.echo(empty)
        return
    cells = [[_cell(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415  # only on a terminal
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(title=title, header_style="bold", box=None, pad_edge=False, title_justify="left")
        console = Console()
        ids = sum(max(map(len, column)) for name, *column in zip(columns, *cells, strict=True) if name in IDS)
        fixed = _widths(list(zip(columns, *cells, strict=True)), console.width)
        for column, width in zip(columns, fixed, strict=True):
            # Only if that leaves room for the rest: rich would cut the other columns off.
            whole = column in IDS and ids <= console.width // 2
            table.add_column(column, overflow="fold", no_wrap=whole, width=width)
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
        return
    if title:
        click.echo(title)
    widths = [max(len(line[index]) for line in [list(columns), *cells]) for index in range(len(columns))]
    for line in [list(columns), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _widths(columns: Sequence[Sequence[str]], room: int) -> Sequence[int | None]:
    """Return the widths at which no word is broken, or None for each if there is no room for that."""
    widths = [_longest_word(column) if column[0] not in IDS else max(map(len, column)) for column in columns]
    left = room - sum(widths) - 2 * (len(columns) - 1)
    if left < 0:
        return [None] * len(columns)
    while left and (narrow := [index for index, column in enumerate(columns) if widths[index] < max(map(len, column))]):
        for index in narrow[:left]:
            widths[index] += 1
        left -= len(narrow[:left])
    return widths


def _longest_word(cells: Sequence[str]) -> int:
    """Return the width at which no word and no short cell is broken; addresses and paths are broken anywhere."""
    words = (word for cell in cells for word in ([cell] if len(cell) <= MAX_SHORT_CHARACTERS else cell.split()))
    return max((len(word) for word in words if "/" not in word), default=1)


def number(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun, as in "1 agent" and "2 strategies"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def listing(ids: Sequence[str]) -> str:
    """Return ids for a sentence: all of up to three, or the first two and the number of the others."""
    shown = list(ids) if len(ids) <= 3 else [*ids[:2], f"{len(ids) - 2} others"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def when(moment: dt.datetime | None) -> str:
    """Return a time for people, in UTC to the second."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, dt.datetime):
        return when(value)
    return visible(" ".join(str(value).split()))


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)
