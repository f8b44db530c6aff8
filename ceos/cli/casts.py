"""`ceos cast …`: delete published casts, and take reactions back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import click

from ceos.cli.output import Verbs, command_runtime, json_option, show_json
from ceos.cli.posts import tell_what_delays, wait_for
from ceos.domain.lifecycle import RunStatus
from ceos.domain.runs import Run
from ceos.operations import casts as operations
from ceos.runtime import Runtime


class RetractOptions(TypedDict):
    """The options that both commands have."""

    agent_id: str | None
    reason: str
    wait: bool
    timeout: float
    as_json: bool


@click.group(cls=Verbs)
def cast() -> None:
    """Delete casts, and take likes and recasts back."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        json_option,
        click.option(
            "--timeout", default=120.0, show_default=True, type=click.FloatRange(0),
            help="How long --wait waits, in seconds.",
        ),
        click.option("--wait", is_flag=True, help="Wait until the worker is done."),
        click.option("--reason", default="", help="The reason, which is recorded."),
        click.option("--agent", "agent_id", help="The agent, for a cast or a reaction without a record."),
    ):  # fmt: skip
        command = option(command)
    return command


@cast.command()
@click.argument("names", metavar="HASH|RUN...", nargs=-1, required=True)
@_options
def delete(names: tuple[str, ...], **options: Unpack[RetractOptions]) -> None:
    """Delete casts by HASH, or all casts of a RUN, the last part first.

    A worker deletes them, also while the agent is paused. Metrics, similarity and learning leave deleted casts out.
    """
    runtime = command_runtime()
    runs = operations.delete_casts(runtime, names, agent_id=options["agent_id"], reason=options["reason"])
    _show(runtime, runs, options)


@cast.command()
@click.argument("hashes", metavar="HASH...", nargs=-1, required=True)
@_options
def unreact(hashes: tuple[str, ...], **options: Unpack[RetractOptions]) -> None:
    """Take the likes and recasts of other accounts' casts back."""
    runtime = command_runtime()
    runs = operations.unreact_casts(runtime, hashes, agent_id=options["agent_id"], reason=options["reason"])
    _show(runtime, runs, options)


def _show(runtime: Runtime, runs: list[Run], options: RetractOptions) -> None:
    if options["wait"]:
        runs = [wait_for(runtime, run.id, options["timeout"]) for run in runs]
    if options["as_json"]:
        show_json(
            [{"agent": run.agent_id, "draft": run.id, "status": run.status, "reason": run.reason} for run in runs]
        )
    else:
        for run in runs:
            click.echo(f"{run.id} {run.status}: {run.reason}" if options["wait"] else f"{run.id} is lined up.")
    if not options["wait"]:
        tell_what_delays(runtime)
    elif any(run.status is not RunStatus.RETRACTED for run in runs):
        sys.exit(1)
