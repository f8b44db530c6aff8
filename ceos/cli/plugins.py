"""`ceos strategy …` and `ceos plugin …`: what extends ceos."""

from __future__ import annotations

import click

from ceos.cli.output import Verbs, command_runtime, json_option, show_json, show_table


@click.group(cls=Verbs)
def strategy() -> None:
    """Posting strategies."""


@strategy.command("list")
@json_option
def list_strategies(as_json: bool) -> None:
    """List the strategies an agent file may name."""
    rows = [(name, one.summary) for name, one in sorted(command_runtime().plugins.strategies.items())]
    if as_json:
        return show_json([{"name": name, "summary": summary} for name, summary in rows])
    return show_table(["strategy", "what it posts"], rows, empty="No strategies are installed.")


@click.group(cls=Verbs)
def plugin() -> None:
    """Plugins: packages and files that extend ceos."""


@plugin.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """List the plugins with their packages and hooks."""
    found = command_runtime().plugins.describe()
    if as_json:
        return show_json(
            [
                {
                    "name": one.name,
                    "package": one.package,
                    "version": one.version,
                    "hooks": list(one.hooks),
                    "strategies": list(one.strategies),
                }
                for one in found
            ]
        )
    return show_table(
        ["plugin", "package", "version", "hooks", "strategies"],
        [(one.name, one.package, one.version, ", ".join(one.hooks), ", ".join(one.strategies)) for one in found],
        empty="No plugins are installed.",
    )
