"""`ceos post`: posts by hand."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypedDict, Unpack

import click

from ceos.cli.drafts import print_skill
from ceos.cli.media import describe_media, own_media
from ceos.cli.output import agents_argument, chosen_agents, command_runtime, json_option, show_json, show_table
from ceos.domain.lifecycle import RunStatus
from ceos.domain.posts import Draft, Kind
from ceos.domain.runs import Run
from ceos.domain.text import clean
from ceos.errors import CeosError
from ceos.operations.drafts import with_full_texts
from ceos.operations.media import OwnMedia
from ceos.operations.posts import PostRequest, create_post, preview_post
from ceos.runtime import Runtime

#: How often a waiting command reads the run, in seconds.
POLL_SECONDS = 0.2
#: A run is not waited for any longer if no worker is running so many seconds after it was opened. Workers of a busy
#: machine take ten seconds to start.
MAX_START_SECONDS = 30.0
#: The reason why a post waits although workers are running.
HALTED = "all publishing is stopped; 'ceos unpanic' lets it go on"


class PostOptions(TypedDict):
    """The options of `ceos post` that say what becomes of the text."""

    image: tuple[str, ...]
    video: tuple[str, ...]
    dry_run: bool
    wait: bool
    timeout: float


@click.command()
@agents_argument
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind if kind is not Kind.REPLY]),
    help="The kind of post; the strategy chooses by default.",
)
@click.option("--text", help="Publish this text of your own; ---SPLIT--- separates the parts of a thread.")
@click.option("--image", multiple=True, metavar="FILE|URL", help="Embed a picture of your own; goes with --text.")
@click.option("--video", multiple=True, metavar="FILE|URL", help="Embed a video of your own; goes with --text.")
@click.option("--key", help="A key of your own: the same key again is the same post, so repeating the command is safe.")
@click.option("--dry-run", is_flag=True, help="Write the post and print it, but publish nothing.")
@click.option("--wait", is_flag=True, help="Wait until it is published, and print the casts.")
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
    as_json: bool,
    **options: Unpack[PostOptions],
) -> None:
    """Post now as AGENTs, by the same path as a scheduled post."""
    runtime = command_runtime()
    ids = chosen_agents(runtime, agent_ids, all_agents=all_agents)
    if not ids and not as_json:
        return click.echo("No agents yet; 'ceos agent apply FILE' makes one.")
    chosen = Kind(kind) if kind else None
    media = own_media(runtime, text, options["image"], options["video"], is_preview=options["dry_run"])
    embeds = tuple(one.url or one.source for one in media)
    requests = [PostRequest(agent_id=one, kind=chosen, text=text, embeds=embeds, key=key) for one in ids]
    if options["dry_run"]:
        drafts = {request.agent_id: _preview(runtime, request, is_shown=not as_json) for request in requests}
        return (
            show_json({one: draft.model_dump(mode="json") for one, draft in drafts.items()})
            if as_json
            else _print_drafts(drafts, media)
        )
    runs = [create_post(runtime, request) for request in requests]
    if options["wait"]:
        return _wait_and_show(runtime, runs, options["timeout"], as_json=as_json)
    if as_json:
        return show_json([{"agent": run.agent_id, "draft": run.id} for run in runs])
    for run in runs:
        # A key that was used before may belong to a post that has ended.
        click.echo(f"{run.id} is {run.status} already." if run.status.is_final else f"{run.id} is lined up.")
    tell_what_delays(runtime)
    return None


def tell_what_delays(runtime: Runtime) -> None:
    """Tell an operator why a run that was opened does not start at once."""
    if not runtime.ops.counts()["workers"]:
        click.echo("No worker is running; 'ceos up' starts some, and they will carry it out.", err=True)
    if runtime.ops.panic_reason():
        click.echo(f"It waits: {HALTED}.", err=True)


def _wait_and_show(runtime: Runtime, runs: list[Run], timeout: float, *, as_json: bool) -> None:
    """Wait for posts and print them; exit with 1 unless each is published or waits for approval."""
    ended = [wait_for(runtime, run.id, timeout) for run in runs]
    if as_json:
        show_json([with_full_texts(runtime, run).model_dump(mode="json") for run in ended])
    else:
        _print_ended(ended)
    dead = [run.id for run in ended if run.status in (RunStatus.FAILED, RunStatus.PARTIAL)]
    if dead:
        click.echo(f"'ceos doctor' finds the cause; then 'ceos dead retry {' '.join(dead)}' continues.", err=True)
    if any(run.status not in (RunStatus.PUBLISHED, RunStatus.REVIEW) for run in ended):
        sys.exit(1)


def wait_for(runtime: Runtime, run_id: str, timeout: float) -> Run:
    """Return the run once it has ended or is parked; raises `CeosError` without workers and after the time-out."""
    started = time.monotonic()
    with _spinner(f"Waiting for {run_id}"):
        while True:
            run = runtime.runs.run(run_id)
            if run.status.is_final or run.status is RunStatus.REVIEW:
                return run
            waited = time.monotonic() - started
            is_started = run.deliveries > 0 or runtime.ops.counts()["workers"]
            if waited > min(timeout, MAX_START_SECONDS) and not is_started:
                raise CeosError(f"No worker is running, so {run_id} stays lined up; 'ceos up' starts some.")
            if waited > timeout:
                why = HALTED if runtime.ops.panic_reason() else run.reason
                raise CeosError(f"{run_id} is still {run.status} after {timeout:.0f} s" + (f": {why}." if why else "."))
            time.sleep(POLL_SECONDS)


def _spinner(text: str) -> AbstractContextManager[object]:
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.text import Text  # noqa: PLC0415

    # In a bare string, rich would take the ":m:" of an id for an emoji.
    return Console(stderr=True).status(Text(text))


def _preview(runtime: Runtime, request: PostRequest, *, is_shown: bool) -> Draft:
    """Return the draft of a request; on a terminal its text is shown while it is written."""
    if not is_shown or request.text is not None or not sys.stdout.isatty():
        return preview_post(runtime, request)
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    head = Text(f"{request.agent_id} writes …\n", style="dim")
    with Live(head, console=Console(), transient=True) as live:
        # Control sequences of a terminal are removed before the text is shown.
        return preview_post(runtime, request, lambda text: live.update(head + Text(clean(text)), refresh=True))


def _print_drafts(drafts: dict[str, Draft], media: Sequence[OwnMedia]) -> None:
    for agent_id, draft in drafts.items():
        click.echo(
            f"{agent_id}: {draft.kind} on {draft.topic!r}, {draft.model}, {draft.cost_usd:.6f} USD; not published"
        )
        for index, part in enumerate(draft.parts):
            click.echo(f"\n[{index + 1}/{len(draft.parts)}]\n{part.text}")
        if draft.image_prompt:
            click.echo(f"\n{'video' if draft.wants_video else 'picture'}: {draft.image_prompt}")
        for one in media:
            click.echo(f"\n{describe_media(one)}")
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
