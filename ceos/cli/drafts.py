"""`ceos draft …` and `ceos dead …`: posts that wait for a person. Transactions that do are in `draft_txs.py`."""

from __future__ import annotations

import sys
from itertools import zip_longest
from typing import Any

import click

from ceos.cli.chain.draft_txs import approve_txs, is_tx, reject_txs, show_waiting_txs, tx_document, waiting_txs
from ceos.cli.mentions import mentions_document, print_mention, print_mention_list
from ceos.cli.output import F, Verbs, command_runtime, json_option, say, say_line, show_json, show_table, when
from ceos.cli.trends import print_trend
from ceos.domain.lifecycle import RunStatus
from ceos.domain.posts import SkillRun
from ceos.domain.runs import Run
from ceos.errors import NotFound
from ceos.runtime import Runtime

#: Mentions of each agent that are listed; no more are known.
MENTIONS = 200


def runs_argument(command: F) -> F:
    """Add `DRAFT… | --all` to a command, as the arguments `run_ids` and `all_runs`."""
    command = click.argument("run_ids", metavar="DRAFT...", nargs=-1)(command)
    return click.option("--all", "all_runs", is_flag=True, help="All of them.")(command)


def _parted(ids: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Return the ids of posts and those of transactions apart."""
    return tuple(one for one in ids if not is_tx(one)), list(dict.fromkeys(filter(is_tx, ids)))


def _txs_only(ids: tuple[str, ...], all_runs: bool) -> list[str]:
    """Return the transactions that a command is about, or none when it is about posts."""
    posts, txs = _parted(ids)
    if txs and (posts or all_runs):
        raise click.UsageError("Decide about transactions apart from posts, each by its id.")
    return txs


def _chosen(run_ids: tuple[str, ...], all_runs: bool, every: list[str]) -> list[str]:
    if all_runs and run_ids:
        raise click.UsageError("Name drafts or use --all, not both.")
    if all_runs:
        return every
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
    """Look at drafts, and decide about those that wait for approval; transactions, tx/…, may wait for it too."""


@draft.command("list")
@click.option("--agent", "agent_ids", multiple=True, help="Only this agent's; may be repeated.")
@click.option("--every", is_flag=True, help="Not only those that wait for approval: the latest of every agent.")
@click.option("--mentions", is_flag=True, help="The latest mentions instead, and what was done about them.")
@json_option
def list_drafts(agent_ids: tuple[str, ...], every: bool, mentions: bool, as_json: bool) -> None:
    """List the drafts that wait for approval, or with --every the latest posts, or with --mentions what was heard."""
    if every and mentions:
        raise click.UsageError("Posts or mentions: use --every or --mentions, not both.")
    runtime = command_runtime()
    for agent_id in agent_ids:
        runtime.agents.agent(agent_id)
    if mentions:
        return _show_mentions(runtime, list(agent_ids or runtime.agents.agent_ids()), as_json=as_json)
    if every:
        runs = [
            run for agent_id in agent_ids or runtime.agents.agent_ids() for run in runtime.runs.recent_runs(agent_id)
        ]
        runs.sort(key=lambda run: run.opened_at, reverse=True)
    else:
        runs = runtime.runs.runs(runtime.runs.parked())
        runs = [run for run in runs if not agent_ids or run.agent_id in agent_ids]
    txs = [] if every else waiting_txs(runtime, agent_ids)
    if as_json:
        return show_json([run.model_dump(mode="json") for run in runs] + [tx.model_dump(mode="json") for tx in txs])
    if runs or not txs:
        _show_runs(runs, as_json=False, empty="No posts yet." if every else "No draft waits for approval.")
    return show_waiting_txs(runtime, txs)


def _show_mentions(runtime: Runtime, agent_ids: list[str], *, as_json: bool) -> None:
    if as_json:
        return show_json([row for agent_id in agent_ids for row in mentions_document(runtime, agent_id, MENTIONS)])
    runs = [run for agent_id in agent_ids for run in runtime.inbox.mention_runs(agent_id, MENTIONS)]
    runs.sort(key=lambda run: run.opened_at, reverse=True)
    if not runs:
        click.echo("No mentions yet.")
    return print_mention_list(runtime, runs)


@draft.command()
@click.argument("run_ids", metavar="DRAFT...", nargs=-1, required=True)
@json_option
def show(run_ids: tuple[str, ...], as_json: bool) -> None:
    """Show drafts whole: text, model, cost, what their skills did, what happened to them and their casts."""
    runtime = command_runtime()
    posts, txs = _parted(run_ids)
    runs = [whole(runtime, runtime.runs.run(run_id)) for run_id in posts]
    shown = [tx_document(runtime, tx_id, quiet=as_json) for tx_id in txs]
    if as_json:
        return show_json([_document(runtime, run) for run in runs] + shown)
    for run in runs:
        _print_run(runtime, run)
    return None


def _document(runtime: Runtime, run: Run) -> dict[str, Any]:
    mention = runtime.inbox.mention(run.id)
    row = run.model_dump(mode="json")
    return {**row, "mention": mention.model_dump(mode="json")} if mention else row


def whole(runtime: Runtime, run: Run) -> Run:
    """Return a run with its full texts, as far as its agent's last casts hold them; a published draft is shortened."""
    if run.draft is None:
        return run
    try:
        casts = {cast.hash: cast.text for cast in runtime.runs.recent_casts(run.agent_id)}
    except NotFound:
        return run
    parts = tuple(
        part.model_copy(update={"text": casts.get(hash or "", part.text)})
        for part, hash in zip_longest(run.draft.parts, run.hashes[: len(run.draft.parts)])
    )
    return run.model_copy(update={"draft": run.draft.model_copy(update={"parts": parts})})


def _print_run(runtime: Runtime, run: Run) -> None:
    click.echo(f"{run.id}  {run.status}" + (f": {run.reason}" if run.reason else ""))
    click.echo(f"opened {when(run.opened_at)} UTC")
    if mention := runtime.inbox.mention(run.id):
        print_mention(mention)
    if run.draft is None:
        is_over = run.status in (RunStatus.IGNORED, RunStatus.REACTED)
        click.echo("Nothing was written.\n" if is_over else "No text yet.\n")
        return
    one = run.draft
    click.echo(f"{one.kind} on {one.topic!r}, written by {one.model or '-'}, {one.cost_usd:.6f} USD")
    if one.image_prompt:
        click.echo(f"picture: {one.image_prompt} ({one.image_model or 'none made'})")
    print_trend(runtime, run)
    if taken := runtime.event_posts.event_of_run(run.id):
        say_line(
            f"event: {taken.name} of {taken.contract} in block {taken.block}, {taken.subscription}; {taken.tx_hash}"
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
    """Print what a skill did for a draft."""
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


def _judge_all(verb: str, past: str, ids: list[str], text: str, as_json: bool) -> None:
    runtime = command_runtime()
    done = []
    # An unknown id among several is found before anything is changed.
    for run_id in ids:
        runtime.runs.run(run_id)
    for run_id in ids:
        runtime.ledger.decide(run_id, verb, text)  # type: ignore[arg-type]
        done.append({"draft": run_id, "change": past})
        if not as_json:
            click.echo(f"{run_id} {past}")
    if as_json:
        show_json(done)
    elif not done:
        click.echo("There are none.")


@draft.command()
@runs_argument
@click.option("--yes", is_flag=True, help="Do not ask before a transaction.")
@json_option
def approve(run_ids: tuple[str, ...], all_runs: bool, yes: bool, as_json: bool) -> None:
    """Publish drafts that wait for approval; --all leaves transactions out.

    A transaction is simulated once more, the change of balances is shown, and you are asked.
    """
    if txs := _txs_only(run_ids, all_runs):
        return approve_txs(command_runtime(), txs, yes=yes, as_json=as_json)
    ids = _chosen(run_ids, all_runs, command_runtime().runs.parked())
    return _judge_all("approve", "approved", ids, "", as_json)


@draft.command()
@runs_argument
@click.option("--reason", default="rejected by the operator", help="Why; stays in the record.")
@json_option
def reject(run_ids: tuple[str, ...], all_runs: bool, reason: str, as_json: bool) -> None:
    """Throw drafts away that wait for approval; --all leaves transactions out.

    A transaction that is signed and stuck is replaced by one that does nothing.
    """
    if txs := _txs_only(run_ids, all_runs):
        return reject_txs(command_runtime(), txs, reason, as_json=as_json)
    ids = _chosen(run_ids, all_runs, command_runtime().runs.parked())
    return _judge_all("reject", "rejected", ids, reason, as_json)


@draft.command()
@click.argument("run_id", metavar="DRAFT")
@click.option("--text", help="The new text; without it, your editor opens. A thread's parts are split by ---SPLIT---.")
@json_option
def edit(run_id: str, text: str | None, as_json: bool) -> None:
    """Replace the text of a draft that waits for approval; approve it afterwards."""
    if is_tx(run_id):
        raise click.UsageError("A transaction is not edited: reject it, and send another.")
    runtime = command_runtime()
    run = runtime.runs.run(run_id)
    if text is None and run.draft is not None:
        if not sys.stdin.isatty():
            raise click.UsageError("Give the new text with --text; there is no terminal to open an editor in.")
        text = click.edit("\n---SPLIT---\n".join(part.text for part in run.draft.parts))
        if text is None:
            click.echo("Nothing changed.")
            return
    edited = runtime.edit(run_id, text or "")
    if as_json:
        show_json(edited.model_dump(mode="json"))
    else:
        click.echo(f"{run_id} edited; 'ceos draft approve {run_id}' publishes it.")


@click.group(cls=Verbs)
def dead() -> None:
    """Deal with posts that failed, and threads that are only partly out."""


@dead.command("list")
@json_option
def list_dead(as_json: bool) -> None:
    """List failed and partly published posts."""
    runtime = command_runtime()
    runs = runtime.runs.runs(runtime.runs.dead())
    _show_runs(runs, as_json=as_json, empty="Nothing has failed.")


@dead.command()
@runs_argument
@json_option
def retry(run_ids: tuple[str, ...], all_runs: bool, as_json: bool) -> None:
    """Go on with failed posts where they stopped: what is out is not sent again."""
    ids = _chosen(run_ids, all_runs, [run.id for run in _dead_runs()])
    _judge_all("retry", "lined up again", ids, "", as_json)


@dead.command()
@runs_argument
@json_option
def drop(run_ids: tuple[str, ...], all_runs: bool, as_json: bool) -> None:
    """Take failed posts off the list."""
    ids = _chosen(run_ids, all_runs, [run.id for run in _dead_runs()])
    _judge_all("drop", "dropped", ids, "", as_json)


def _dead_runs() -> list[Run]:
    runs = command_runtime().runs
    return runs.runs(runs.dead())
