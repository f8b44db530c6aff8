"""Operations on published casts: delete them, and take likes and recasts back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ceos.domain.lifecycle import RunStatus
from ceos.errors import InvalidInput, NotFound
from ceos.operations.context import Context
from ceos.operations.table import Scope, current_caller, operation
from ceos.runs.ids import RunId

if TYPE_CHECKING:
    from ceos.domain.runs import Run
    from ceos.posts.store import RetractionStep


@operation("cast.delete", Scope.POST)
def delete_casts(context: Context, names: Sequence[str], *, agent_id: str | None = None, reason: str = "") -> list[Run]:
    """Open a run for each hash of a cast, or id of a run, that deletes the cast, or all casts of the run; return them.

    The last part of a thread goes first. `agent_id` names the agent of a cast that is older than the records of ceos.
    All names are looked up before the first run is opened. Raises `NotFound`, and `InvalidInput` for a run that is
    still being published.
    """
    found = [_casts_of(context, name, agent_id) for name in names]
    for run in context.runs.runs(names):
        # The rest of a thread whose beginning is deleted must not be published.
        if run.status in (RunStatus.FAILED, RunStatus.PARTIAL):
            context.ledger.decide(run.id, "drop")
    return [_open(context, agent, run_id, list(_deletions(hashes)), reason) for agent, run_id, hashes in found]


@operation("cast.unreact", Scope.POST)
def unreact_casts(
    context: Context, hashes: Sequence[str], *, agent_id: str | None = None, reason: str = ""
) -> list[Run]:
    """Open a run for each cast of another account that takes the agent's like or recast of it back; return them.

    Without a record of the reaction `agent_id` names the agent, and both are taken back. Raises `NotFound`.
    """
    found = [(_need_hash(hash), *_reaction_to(context, _need_hash(hash), agent_id)) for hash in hashes]
    return [_open(context, agent, run_id, steps, reason) for _, agent, run_id, steps in found]


def _open(context: Context, agent_id: str, run_id: str, steps: Sequence[RetractionStep], reason: str) -> Run:
    from ceos.posts.store import Retraction  # noqa: PLC0415  # few commands need it

    caller = current_caller()
    order = Retraction(steps=tuple(steps), run_id=run_id, reason=reason, by=caller.name or caller.interface)
    return context.runs.run(context.retractions.open_retraction(agent_id, order))


def _deletions(hashes: Sequence[str]) -> Iterator[RetractionStep]:
    from ceos.posts.store import RetractionStep  # noqa: PLC0415  # few commands need it

    # A part that answers a deleted one would stand alone for a moment.
    yield from (RetractionStep(kind="delete", hash=hash) for hash in reversed(hashes))


def _casts_of(context: Context, name: str, agent_id: str | None) -> tuple[str, str, list[str]]:
    """Return the agent, the run if it is known, and the hashes of the casts that a name stands for, in order."""
    from ceos.clients.neynar.types import normal_hash  # noqa: PLC0415  # few commands need it

    hash = normal_hash(name)
    if hash is not None:
        owner = _owner(context, hash, agent_id)
        return owner, context.runs.run_of_cast(owner, hash), [hash]
    agent = RunId.parse(name).agent_id
    if name in ("", agent):
        raise InvalidInput(
            f"{name[:80]!r} is neither the hash of a cast (0x and 40 hexadecimal digits) nor the id of a run, "
            f"such as {str(RunId.manual('ada', '0123456789ab'))!r}."
        )
    context.agents.agent(agent)
    hashes = context.runs.published_hashes(name)
    for run in context.runs.runs([name]):
        if not run.status.is_final:
            raise InvalidInput(f"{name} is {run.status}; its casts can be deleted once it has ended.")
        hashes = [hash for hash in run.hashes if hash] or hashes
    if not hashes:
        raise NotFound(f"No published casts of {name[:80]!r} are known; name them by their hashes.")
    return agent, name, hashes


def _owner(context: Context, hash: str, agent_id: str | None) -> str:
    """Return the agent of a cast: the one that is named, has it among its last casts, or has its author's account."""
    if agent_id is not None:
        return context.agents.agent(agent_id).id
    ids = context.agents.agent_ids()
    for one in ids:
        if any(cast.hash == hash for cast in context.runs.recent_casts(one)):
            return one
    cast = context.neynar.full_casts([hash]).get(hash)
    if cast is None:
        raise NotFound(
            f"There is no cast {hash} on Farcaster; it may be deleted already. If it is public all the same, "
            "name its agent with --agent."
        )
    owners = context.agents.agents_of([cast.author_fid or 0]).get(cast.author_fid or 0)
    if not owners:
        raise NotFound(f"The cast {hash} is by fid {cast.author_fid}, which is the account of no agent here.")
    return owners[0]


def _reaction_to(context: Context, hash: str, agent_id: str | None) -> tuple[str, str, list[RetractionStep]]:
    """Return the agent that has reacted to a cast, its run, and the steps that take the reaction back."""
    from ceos.posts.store import RetractionStep  # noqa: PLC0415  # few commands need it

    run_id = context.mention_store.claimed_by(hash) or ""
    if agent_id is not None and RunId.parse(run_id).agent_id != agent_id:
        run_id = ""
    agent = agent_id or RunId.parse(run_id).agent_id
    if not agent:
        raise NotFound(f"No agent is known to have reacted to {hash}; --agent names the one that did.")
    mention, decision = context.mention_store.mention(run_id), context.mention_store.decision(run_id)
    fid = mention.author_fid if mention else None
    kinds = [decision.action] if decision and decision.action in ("like", "recast") else ["like", "recast"]
    steps = [RetractionStep.model_validate({"kind": kind, "hash": hash, "author_fid": fid}) for kind in kinds]
    return context.agents.agent(agent).id, run_id, steps


def _need_hash(value: str) -> str:
    from ceos.clients.neynar.types import normal_hash  # noqa: PLC0415  # few commands need it

    found = normal_hash(value)
    if found is None:
        raise InvalidInput(f"{value[:80]!r} is not the hash of a cast: 0x and 40 hexadecimal digits.")
    return found
