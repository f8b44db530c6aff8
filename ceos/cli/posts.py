"""`ceos post`, `ceos status`, `ceos panic`, `ceos unpanic`: posting by hand, and what is going on."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext

import click

from ceos.cli.chain.draft_txs import waiting_txs
from ceos.cli.drafts import print_skill, whole
from ceos.cli.mentions import mentions_in_words
from ceos.cli.output import agents_argument, chosen_agents, command_runtime, json_option, number, show_json, show_table
from ceos.cli.trends import overview, overview_line
from ceos.domain.lifecycle import RunStatus
from ceos.domain.posts import Draft, Kind
from ceos.domain.runs import Run
from ceos.errors import CeosError
from ceos.runs.ids import RunId
from ceos.runtime import Runtime

#: How often a waiting command looks, in seconds.
LOOK_SECONDS = 0.2
#: Why a post waits although workers are there.
PANIC = "all publishing is stopped; 'ceos unpanic' lets it go on"


@click.command()
@agents_argument
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind if kind is not Kind.REPLY]),
    help="What sort of post; else the strategy chooses.",
)
@click.option("--text", help="Publish this text of your own; a thread's parts are split by ---SPLIT---.")
@click.option("--key", help="A key of your own: the same key again is the same post, so repeating the command is safe.")
@click.option("--dry-run", is_flag=True, help="Write the post and print it, but publish nothing.")
@click.option("--wait", is_flag=True, help="Wait until it is out, and print the casts.")
@click.option(
    "--timeout", default=300.0, show_default=True, type=click.FloatRange(0), help="How long --wait waits, in seconds."
)
@json_option
def post(
    *,
    agent_ids: tuple[str, ...],
    all_agents: bool,
    kind: str | None,
    text: str | None,
    key: str | None,
    dry_run: bool,
    wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Post now as AGENTs, on the same road as a scheduled post."""
    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    if not ids and not as_json:
        return click.echo("No agents yet; 'ceos agent apply FILE' makes one.")
    wanted = Kind(kind) if kind else None
    if dry_run:
        drafts = {agent_id: runtime.preview(agent_id, kind=wanted, text=text) for agent_id in ids}
        return (
            show_json({one: draft.model_dump(mode="json") for one, draft in drafts.items()})
            if as_json
            else _print(drafts)
        )
    runs = [runtime.post(agent_id, kind=wanted, text=text, key=key) for agent_id in ids]
    if not wait:
        if as_json:
            return show_json([{"agent": RunId.parse(run).agent_id, "draft": run} for run in runs])
        for run in runs:
            # A key that was used before may belong to a post that has ended.
            ended_as = runtime.runs.run(run).status
            click.echo(f"{run} is {ended_as} already." if ended_as.is_final else f"{run} is lined up.")
        if not runtime.ops.counts()["workers"]:
            click.echo("No worker is running; 'ceos up' starts some, and they will publish it.", err=True)
        if runtime.ops.panic_reason():
            click.echo(f"It waits: {PANIC}.", err=True)
        return None
    ended = [wait_for(runtime, run, timeout) for run in runs]
    if as_json:
        show_json([whole(runtime, run).model_dump(mode="json") for run in ended])
    else:
        _print_ended(ended)
    dead = [run.id for run in ended if run.status in (RunStatus.FAILED, RunStatus.PARTIAL)]
    if dead:
        click.echo(f"'ceos doctor' looks for the cause; then 'ceos dead retry {' '.join(dead)}' goes on.", err=True)
    if any(run.status not in (RunStatus.PUBLISHED, RunStatus.REVIEW) for run in ended):
        sys.exit(1)
    return None


def wait_for(runtime: Runtime, run_id: str, timeout: float) -> Run:
    """Return the run once it has ended or is parked; raises `CeosError` when no worker is there or the time is up."""
    started = time.monotonic()
    with _spinner(f"Waiting for {run_id}"):
        while True:
            run = runtime.runs.run(run_id)
            if run.status.is_final or run.status is RunStatus.REVIEW:
                return run
            waited = time.monotonic() - started
            if waited > min(timeout, 10) and run.deliveries == 0 and not runtime.ops.counts()["workers"]:
                raise CeosError(f"No worker is running, so {run_id} stays lined up; 'ceos up' starts some.")
            if waited > timeout:
                why = PANIC if runtime.ops.panic_reason() else run.reason
                raise CeosError(f"{run_id} is still {run.status} after {timeout:.0f} s" + (f": {why}." if why else "."))
            time.sleep(LOOK_SECONDS)


def _spinner(text: str) -> AbstractContextManager[object]:
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.text import Text  # noqa: PLC0415

    # In a bare string, rich would take the ":m:" of an id for an emoji.
    return Console(stderr=True).status(Text(text))


def _print(drafts: dict[str, Draft]) -> None:
    for agent_id, draft in drafts.items():
        click.echo(
            f"{agent_id}: {draft.kind} on {draft.topic!r}, {draft.model}, {draft.cost_usd:.6f} USD; not published"
        )
        for index, part in enumerate(draft.parts):
            click.echo(f"\n[{index + 1}/{len(draft.parts)}]\n{part.text}")
        if draft.image_prompt:
            click.echo(f"\npicture: {draft.image_prompt}")
        for ran in draft.skills:
            print_skill(ran)
        click.echo()


def _print_ended(runs: list[Run]) -> None:
    show_table(
        ["draft", "status", "kind", "model", "cost USD", "casts or reason"],
        [
            (
                run.id,
                run.status,
                run.kind,
                run.draft.model if run.draft else None,
                f"{run.draft.cost_usd:.6f}" if run.draft else None,
                run.reason or " ".join(hash or "-" for hash in run.hashes),
            )
            for run in runs
        ],
        empty="No agents yet.",
    )


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show every agent, how much is open, parked and dead, and what became of today's mentions."""
    runtime = command_runtime()
    ids = runtime.agents.agent_ids()
    statuses = runtime.agents.agent_statuses(ids)
    counts = runtime.ops.counts()
    panic = runtime.ops.panic_reason()
    mentions = runtime.inbox.counts()
    trends = overview(runtime)
    if as_json:
        agents = [one.model_dump(mode="json") for one in statuses]
        return show_json({"counts": counts, "mentions": mentions, "panic": panic, "trends": trends, "agents": agents})
    if panic:
        click.echo(f"PANIC: all publishing is stopped ({panic}); 'ceos unpanic' lets it go on.")
    click.echo(
        f"{number(counts['workers'], 'worker process', 'worker processes')}, {number(counts['open'], 'open run')}, "
        f"{number(counts['review'], 'draft')} in review, {number(counts['dead'], 'dead post')}."
    )
    if waiting := waiting_txs(runtime, ()):
        click.echo(f"{number(len(waiting), 'transaction')} in review; 'ceos draft list' shows them.")
    click.echo(mentions_in_words(mentions))
    if trends:
        click.echo(overview_line(runtime, trends))
    return show_table(
        ["agent", "state", "works on", "next slot (UTC)", "missed", "failures", "reason"],
        [
            (one.agent_id, one.state, one.run_id, one.next_slot, one.missed, one.failures, one.reason)
            for one in statuses
        ],
        empty="No agents yet; 'ceos agent apply FILE' makes one.",
    )


@click.command()
@click.option("--reason", default="stopped by the operator", help="Why; shown by 'ceos status'.")
def panic(reason: str) -> None:
    """Stop all publishing and paying at once; what is on its way is recorded, nothing further leaves."""
    command_runtime().ops.set_panic(reason)
    click.echo("All publishing is stopped; 'ceos unpanic' lets it go on.")


@click.command()
def unpanic() -> None:
    """Let publishing and paying go on after a panic."""
    command_runtime().ops.set_panic(None)
    click.echo("Publishing goes on.")
