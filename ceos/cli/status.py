"""`ceos status`, `ceos panic`, `ceos unpanic`: the state of the whole system, and its halt switch."""

from __future__ import annotations

import click

from ceos.cli.mentions import mentions_in_words
from ceos.cli.output import command_runtime, json_option, listing, number, show_json, show_table
from ceos.cli.trends import overview_document, overview_line
from ceos.operations.halt import halt_publishing, resume_publishing
from ceos.operations.status import system_status
from ceos.operations.transactions import waiting_transactions


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show every agent, the numbers of open, parked and dead posts, and the outcomes of today's mentions."""
    runtime = command_runtime()
    found = system_status(runtime)
    if as_json:
        return show_json(
            {
                "counts": found.counts,
                "mentions": found.mentions,
                "panic": found.halted,
                "trends": overview_document(found.trends) if found.trends else None,
                "models": [
                    {
                        "model": one.resolved.named,
                        "used": one.resolved.used,
                        "sentence": one.sentence,
                        "agents": one.agents,
                    }
                    for one in found.models
                ],
                "agents": [one.model_dump(mode="json") for one in found.agents],
            }
        )
    counts = found.counts
    if found.halted:
        click.echo(f"PANIC: all publishing is stopped ({found.halted}); 'ceos unpanic' lets it go on.")
    click.echo(
        f"{number(counts['workers'], 'worker process', 'worker processes')}, {number(counts['open'], 'open run')}, "
        f"{number(counts['review'], 'draft')} in review, {number(counts['dead'], 'dead post')}."
    )
    if waiting := waiting_transactions(runtime):
        click.echo(f"{number(len(waiting), 'transaction')} in review; 'ceos draft list' shows them.")
    click.echo(mentions_in_words(found.mentions))
    if found.trends:
        click.echo(overview_line(found.trends, runtime.clock.now()))
    for notice in found.models:
        click.echo(f"{listing(notice.agents)}: {notice.sentence}")
    return show_table(
        ["agent", "state", "works on", "next slot (UTC)", "missed", "failures", "reason"],
        [
            (one.agent_id, one.state, one.run_id, one.next_slot, one.missed, one.failures, one.reason)
            for one in found.agents
        ],
        empty="No agents yet; 'ceos agent apply FILE' makes one.",
    )


@click.command()
@click.option("--reason", default="stopped by the operator", help="The reason; 'ceos status' shows it.")
def panic(reason: str) -> None:
    """Stop all publishing and paying at once; requests under way are recorded, nothing further is sent."""
    halt_publishing(command_runtime(), reason)
    click.echo("All publishing is stopped; 'ceos unpanic' lets it go on.")


@click.command()
def unpanic() -> None:
    """Let publishing and paying continue after a panic."""
    resume_publishing(command_runtime())
    click.echo("Publishing goes on.")
