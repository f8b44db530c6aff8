"""`ceos strategy …` and `ceos plugin …`: the installed extensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from ceos.cli.output import Verbs, command_runtime, json_option, show_json, show_table
from ceos.errors import CeosError
from ceos.operations import plugins as operations
from ceos.plugins.manager import PluginInfo
from ceos.storage.ops import HookCount

#: The calls that were counted, by plugin and hook.
Counts = Mapping[tuple[str, str], HookCount]


@click.group(cls=Verbs)
def strategy() -> None:
    """Posting strategies."""


@strategy.command("list")
@json_option
def list_strategies(as_json: bool) -> None:
    """List the strategies an agent file may name."""
    rows = list(operations.list_strategies(command_runtime()).items())
    if as_json:
        return show_json([{"name": name, "summary": summary} for name, summary in rows])
    return show_table(["strategy", "what it posts"], rows, empty="No strategies are installed.")


@click.group(cls=Verbs)
def plugin() -> None:
    """Plugins: packages and files that extend ceos."""


@plugin.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """List the plugins with their contents, and the number and time of the calls that all workers made."""
    runtime = command_runtime()
    found = operations.list_plugins(runtime)
    counts: Counts = {}
    try:
        counts = operations.hook_calls(runtime)
    except CeosError as error:
        click.echo(f"Without the calls: {error}", err=True)
    if as_json:
        return show_json([_whole(one, counts) for one in found])
    return show_table(
        ["plugin", "package", "version", "hooks", "brings", "calls", "failed", "time"],
        [_row(one, counts) for one in found],
        empty="No plugins are installed.",
    )


def _whole(plugin: PluginInfo, counts: Counts) -> dict[str, Any]:
    """Return a plugin for `--json`, with the counts of each of its hooks."""
    called = {hook: asdict(counts[plugin.key, hook]) for hook in plugin.hooks if (plugin.key, hook) in counts}
    fields = {name: value for name, value in asdict(plugin).items() if name != "key"}
    return {**fields, "calls": called}


def _row(plugin: PluginInfo, counts: Counts) -> tuple[Any, ...]:
    """Return a plugin as a row of the table, with the sums over its hooks."""
    called = [counts[plugin.key, hook] for hook in plugin.hooks if (plugin.key, hook) in counts]
    brings = {
        "strategies": plugin.strategies,
        "skills": plugin.skills,
        "commands": plugin.commands,
    }
    return (
        plugin.name,
        plugin.package,
        plugin.version,
        ", ".join(plugin.hooks),
        "; ".join(f"{sort} {', '.join(names)}" for sort, names in brings.items() if names),
        sum(one.calls for one in called) or None,
        sum(one.failures for one in called) or None,
        f"{sum(one.seconds for one in called):.3f} s" if called else None,
    )
