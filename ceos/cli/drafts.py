"""`ceos draft …` and `ceos dead …`: posts that need a decision. Transactions that need one are in `draft_txs.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from ceos.cli.chain.draft_txs import approve_txs, reject_txs, show_waiting_txs, tx_document
from ceos.cli.mentions import mention_rows, print_mention, print_mention_list
from ceos.cli.output import F, Verbs, command_runtime, json_option, say, say_line, show_json, show_table, when
from ceos.cli.trends import print_trend
from ceos.domain.lifecycle import RunStatus
from ceos.domain.posts import SkillRun
from ceos.domain.runs import Run
from ceos.operations import drafts as operations
from ceos.operations.drafts import DraftDetail
from ceos.operations.mentions import list_mentions
from ceos.operations.transactions import is_tx, waiting_transactions
from ceos.runtime import Runtime

#: Mentions of each agent that are listed; no more are stored.
MAX_MENTIONS = 200


def runs_argument(command: F) -> F:
    """Add `DRAFT… | --all` to a command, as the arguments `run_ids` and `all_runs`."""
    command = click.argument("run_ids", metavar="DRAFT...", nargs=-1)(command)
    return click.option("--all", "all_runs", is_flag=True, help="All of them.")(command)


def _parted(ids: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Return the ids of posts and the ids of transactions, separated."""
    return tuple(one for one in ids if not is_tx(one)), list(dict.fromkeys(filter(is_tx, ids)))


def _txs_only(ids: tuple[str, ...], all_runs: bool) -> list[str]:
    """Return the transactions among the ids of a command, or none when the ids are those of posts."""
    posts, txs = _parted(ids)
    if txs and (posts or all_runs):
        raise click.UsageError("Decide about transactions separately from posts, each by its id.")
    return txs


def _chosen(run_ids: tuple[str, ...], all_runs: bool, every: Callable[[], list[str]]) -> list[str]:
    if all_runs and run_ids:
        raise click.UsageError("Name drafts or use --all, not both.")
    if all_runs:
        return every()
    if not run_ids:
        raise click.UsageError("Name at least one draft, or use --all.")
    return list(dict.fromkeys(run_ids))


def _show_runs(runs: list[Run], *, as_json: bool, empty: str) -> None:
    if as_json:
        return show_json([run.model_dump(mode="json") for run in runs])
    return show_table(
        ["draft", "status", "kind", "opened (UTC)", "parts", "text or reason"],
        [
            (
                run.id,
                run.status,
                run.kind,
                run.opened_at,
                len(run.draft.parts) if run.draft else None,
                run.reason or (run.draft.text[:80] if run.draft else ""),
            )
            for run in runs
        ],
        empty=empty,
    )


@click.group(cls=Verbs)
def draft() -> None:
    """List and show drafts, and decide about those that wait for approval; transactions, tx/…, may wait too."""


@draft.command("list")
@click.option("--agent", "agent_ids", multiple=True, help="Only this agent's; may be repeated.")
@click.option("--every", is_flag=True, help="The latest posts of every agent instead, whatever their status.")
@click.option("--mentions", is_flag=True, help="The latest mentions instead, with their outcomes.")
@json_option
def list_drafts(agent_ids: tuple[str, ...], every: bool, mentions: bool, as_json: bool) -> None:
    """List the drafts that wait for approval, or with --every the latest posts, or with --mentions the mentions."""
    if every and mentions:
        raise click.UsageError("Posts or mentions: use --every or --mentions, not both.")
    runtime = command_runtime()
    if mentions:
        return _show_mentions(runtime, agent_ids, as_json=as_json)
    runs = operations.list_drafts(runtime, agent_ids, every=every)
    txs = [] if every else waiting_transactions(runtime, agent_ids)
    if as_json:
        return show_json([run.model_dump(mode="json") for run in runs] + [tx.model_dump(mode="json") for tx in txs])
    if runs or not txs:
        _show_runs(runs, as_json=False, empty="No posts yet." if every else "No draft waits for approval.")
    return show_waiting_txs(runtime, txs)


def _show_mentions(runtime: Runtime, agent_ids: tuple[str, ...], *, as_json: bool) -> None:
    found = list_mentions(runtime, agent_ids or runtime.agents.agent_ids(), MAX_MENTIONS)
    if as_json:
        return show_json(mention_rows(found))
    if not found:
        click.echo("No mentions yet.")
    return print_mention_list(sorted(found, key=lambda pair: pair[0].opened_at, reverse=True))


@draft.command()
@click.argument("run_ids", metavar="DRAFT...", nargs=-1, required=True)
@json_option
def show(run_ids: tuple[str, ...], as_json: bool) -> None:
    """Show drafts with their full texts, models, costs, skills, outcomes and casts."""
    runtime = command_runtime()
    posts, txs = _parted(run_ids)
    details = [operations.show_draft(runtime, run_id) for run_id in posts]
    shown = [tx_document(runtime, tx_id, quiet=as_json) for tx_id in txs]
    if as_json:
        return show_json([_document(detail) for detail in details] + shown)
    for detail in details:
        _print_draft(detail)
    return None


def _document(detail: DraftDetail) -> dict[str, Any]:
    row = detail.run.model_dump(mode="json")
    return {**row, "mention": detail.mention.model_dump(mode="json")} if detail.mention else row


def _print_draft(detail: DraftDetail) -> None:
    run = detail.run
    click.echo(f"{run.id}  {run.status}" + (f": {run.reason}" if run.reason else ""))
    click.echo(f"opened {when(run.opened_at)} UTC")
    for deletion in detail.deletions:
        click.echo(f"taken back: {deletion}")
    if detail.mention:
        print_mention(detail.mention)
    if run.draft is None:
        is_over = run.status in (RunStatus.IGNORED, RunStatus.REACTED)
        click.echo("Nothing was written.\n" if is_over else "No text yet.\n")
        return
    one = run.draft
    click.echo(f"{one.kind} on {one.topic!r}, written by {one.model or '-'}, {one.cost_usd:.6f} USD")
    if one.image_prompt:
        kind = "video" if one.video_model else "picture"
        click.echo(f"{kind}: {one.image_prompt} ({one.video_model or one.image_model or 'none made'})")
    if detail.trend:
        print_trend(run, detail.trend)
    if event := detail.chain_event:
        say_line(
            f"event: {event.name} of {event.contract} in block {event.block}, {event.subscription}; {event.tx_hash}"
        )
    for note in one.notes:
        click.echo(f"note: {note}")
    for skill in one.skills:
        print_skill(skill)
    for index, part in enumerate(one.parts):
        hash = run.hashes[index] if index < len(run.hashes) else None
        click.echo(f"\n[{index + 1}/{len(one.parts)}] {hash or 'not published'}")
        click.echo(part.text)
        for embed in part.embeds:
            click.echo(f"embed: {embed}")
    click.echo()


def print_skill(ran: SkillRun) -> None:
    """Print the outcome, the calls and the output of a skill that ran for a draft."""
    about = f"skill {ran.skill}{f' {ran.version}' if ran.version else ''} ({ran.stage}): {ran.outcome}"
    say(f"{about}, {ran.ms:g} ms" if ran.ms else about)
    if ran.note:
        say(f"    {ran.note}")
    for call in ran.calls:
        cost = f", {call.cost_usd:.6f} USD" if call.cost_usd else ""
        refused = f", refused: {call.refused}" if call.refused else ""
        say(f"    ctx.{call.method} {call.what}, {call.ms:g} ms{cost}{refused}")
    for line in ran.log:
        say(f"    | {line}")


def _change_all(change: Callable[[str], object], done: str, ids: list[str], as_json: bool) -> None:
    """Apply an operation to each run, and print the outcomes."""
    runtime = command_runtime()
    # An unknown id among several is found before anything is changed.
    for run_id in ids:
        runtime.runs.run(run_id)
    for run_id in ids:
        change(run_id)
        if not as_json:
            click.echo(f"{run_id} {done}")
    if as_json:
        show_json([{"draft": run_id, "change": done} for run_id in ids])
    elif not ids:
        click.echo("There are none.")


@draft.command()
@runs_argument
@click.option("--yes", is_flag=True, help="Do not ask before a transaction.")
@json_option
def approve(run_ids: tuple[str, ...], all_runs: bool, yes: bool, as_json: bool) -> None:
    """Publish drafts that wait for approval; --all leaves transactions out.

    A transaction is simulated again, its changes of balances are shown, and you are asked to confirm.
    """
    if txs := _txs_only(run_ids, all_runs):
        return approve_txs(command_runtime(), txs, yes=yes, as_json=as_json)
    runtime = command_runtime()
    ids = _chosen(run_ids, all_runs, runtime.runs.parked)
    return _change_all(partial(operations.approve_draft, runtime), "approved", ids, as_json)


@draft.command()
@runs_argument
@click.option("--reason", default="rejected by the operator", help="The reason; it stays in the record.")
@json_option
def reject(run_ids: tuple[str, ...], all_runs: bool, reason: str, as_json: bool) -> None:
    """Discard drafts that wait for approval; --all leaves transactions out.

    A transaction that is signed and stuck is replaced by one that does nothing.
    """
    if txs := _txs_only(run_ids, all_runs):
        return reject_txs(command_runtime(), txs, reason, as_json=as_json)
    runtime = command_runtime()
    ids = _chosen(run_ids, all_runs, runtime.runs.parked)
    return _change_all(lambda run_id: operations.reject_draft(runtime, run_id, reason), "rejected", ids, as_json)


@draft.command()
@click.argument("run_id", metavar="DRAFT")
@click.option("--text", help="The new text; without it, your editor opens. A thread's parts are split by ---SPLIT---.")
@json_option
def edit(run_id: str, text: str | None, as_json: bool) -> None:
    """Replace the text of a draft that waits for approval; approve it afterwards."""
    if is_tx(run_id):
        raise click.UsageError("A transaction cannot be edited: reject it, and send another one.")
    runtime = command_runtime()
    run = runtime.runs.run(run_id)
    if text is None and run.draft is not None:
        if not sys.stdin.isatty():
            raise click.UsageError("Give the new text with --text; there is no terminal to open an editor in.")
        text = click.edit("\n---SPLIT---\n".join(part.text for part in run.draft.parts))
        if text is None:
            click.echo("Nothing changed.")
            return
    edited = operations.edit_draft(runtime, run_id, text or "")
    if as_json:
        show_json(edited.model_dump(mode="json"))
    else:
        click.echo(f"{run_id} edited; 'ceos draft approve {run_id}' publishes it.")


@click.group(cls=Verbs)
def dead() -> None:
    """Retry or drop posts that failed, and threads that were published only in part."""


@dead.command("list")
@json_option
def list_dead(as_json: bool) -> None:
    """List failed and partly published posts."""
    _show_runs(operations.list_dead(command_runtime()), as_json=as_json, empty="Nothing has failed.")


@dead.command()
@runs_argument
@json_option
def retry(run_ids: tuple[str, ...], all_runs: bool, as_json: bool) -> None:
    """Continue failed posts where they stopped: published parts are not sent again."""
    runtime = command_runtime()
    ids = _chosen(run_ids, all_runs, lambda: _dead_ids(runtime))
    _change_all(partial(operations.retry_run, runtime), "lined up again", ids, as_json)


@dead.command()
@runs_argument
@json_option
def drop(run_ids: tuple[str, ...], all_runs: bool, as_json: bool) -> None:
    """Remove failed posts from the list."""
    runtime = command_runtime()
    ids = _chosen(run_ids, all_runs, lambda: _dead_ids(runtime))
    _change_all(partial(operations.drop_run, runtime), "dropped", ids, as_json)


def _dead_ids(runtime: Runtime) -> list[str]:
    return [run.id for run in operations.list_dead(runtime)]
