"""Operations on drafts and failed posts: list, show, approve, edit, reject, retry and drop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from ceos.domain.lifecycle import RunStatus
from ceos.domain.mentions import Mention
from ceos.domain.posts import Part
from ceos.domain.runs import Run
from ceos.errors import InvalidInput, NotFound
from ceos.operations.context import Context
from ceos.operations.posts import operator_draft
from ceos.operations.table import Scope, operation
from ceos.runs.ids import RunId

if TYPE_CHECKING:
    from ceos.domain.chain_event import ChainEvent
    from ceos.trends.store import ClaimedTrend

#: The latest runs of an agent among which those are looked for that deleted casts; its list keeps so many.
_MAX_RUNS = 200


@dataclass(frozen=True)
class DraftDetail:
    """A run with the source it reacts to, if it has one."""

    run: Run
    mention: Mention | None = None
    trend: ClaimedTrend | None = None
    chain_event: ChainEvent | None = None
    #: The records of the runs that have deleted casts of it, latest first.
    deletions: tuple[str, ...] = ()


@operation("draft.list", Scope.READ)
def list_drafts(context: Context, agent_ids: Sequence[str] = (), *, every: bool = False) -> list[Run]:
    """Return the drafts that wait for approval, of all agents by default; with `every`, the latest posts instead.

    Raises `NotFound` for an unknown agent.
    """
    for agent_id in agent_ids:
        context.agents.agent(agent_id)
    runs = context.runs
    if not every:
        return [run for run in runs.runs(runs.parked()) if not agent_ids or run.agent_id in agent_ids]
    latest = [run for agent_id in agent_ids or context.agents.agent_ids() for run in runs.recent_runs(agent_id)]
    return sorted(latest, key=lambda run: run.opened_at, reverse=True)


@operation("draft.show", Scope.READ)
def show_draft(context: Context, run_id: str) -> DraftDetail:
    """Return a run with its full texts and its source; raises `NotFound`."""
    return DraftDetail(
        run=with_full_texts(context, context.runs.run(run_id)),
        mention=context.mention_store.mention(run_id),
        trend=context.trend_store.claimed_trend(run_id),
        chain_event=context.event_posts.event_of_run(run_id),
        deletions=tuple(_deletions_of(context, run_id)),
    )


def _deletions_of(context: Context, run_id: str) -> Iterator[str]:
    try:
        runs = context.runs.recent_runs(RunId.parse(run_id).agent_id, _MAX_RUNS)
    except NotFound:
        return
    for run in runs:
        if run.status is RunStatus.RETRACTED:
            order = context.retractions.retraction(run.id)
            if order is not None and order.run_id == run_id:
                yield run.reason


def with_full_texts(context: Context, run: Run) -> Run:
    """Return a run with the texts of its casts, which a published draft holds only in part.

    The texts come from the agent's last casts; parts that are no longer among them stay shortened.
    """
    if run.draft is None:
        return run
    try:
        casts = {cast.hash: cast.text for cast in context.runs.recent_casts(run.agent_id)}
    except NotFound:
        return run
    parts = tuple(
        part.model_copy(update={"text": casts.get(hash or "", part.text)})
        for part, hash in zip_longest(run.draft.parts, run.hashes[: len(run.draft.parts)])
    )
    return run.model_copy(update={"draft": run.draft.model_copy(update={"parts": parts})})


@operation("draft.approve", Scope.APPROVE)
def approve_draft(context: Context, run_id: str) -> None:
    """Publish a draft that waits for approval; raises `NotFound` or `InvalidInput` if it does not wait."""
    context.ledger.decide(run_id, "approve")


@operation("draft.edit", Scope.APPROVE)
def edit_draft(context: Context, run_id: str, text: str) -> Run:
    """Replace the text of a draft that waits for approval by the operator's own, and keep its media.

    Raises as `approve_draft`, and `DraftRejected` for a text that cannot be published.
    """
    run = context.runs.run(run_id)
    if run.draft is None:
        raise InvalidInput(f"Draft {run_id!r} is {run.status}; it has no text to edit.")
    own = operator_draft(context.agents.agent(run.agent_id), run.draft.kind, text)
    first = Part(text=own.parts[0].text, embeds=run.draft.parts[0].embeds)
    notes = (*run.draft.notes, "edited by the operator", *own.notes)
    draft = run.draft.model_copy(update={"parts": (first, *own.parts[1:]), "notes": notes})
    context.post_history.remember(run.agent_id, (part.text for part in draft.parts))
    context.ledger.decide(run_id, "edit", draft.model_dump_json())
    return context.runs.run(run_id)


@operation("draft.reject", Scope.APPROVE)
def reject_draft(context: Context, run_id: str, reason: str = "rejected by the operator") -> None:
    """Discard a draft that waits for approval; raises as `approve_draft`."""
    context.ledger.decide(run_id, "reject", reason)


@operation("dead.list", Scope.READ)
def list_dead(context: Context) -> list[Run]:
    """Return the failed and partly published runs, newest first."""
    return context.runs.runs(context.runs.dead())


@operation("dead.retry", Scope.ADMIN)
def retry_run(context: Context, run_id: str) -> None:
    """Continue a failed run where it stopped: parts that are published are not sent again."""
    context.ledger.decide(run_id, "retry")


@operation("dead.drop", Scope.ADMIN)
def drop_run(context: Context, run_id: str) -> None:
    """Remove a failed run from the list."""
    context.ledger.decide(run_id, "drop")
