"""The lease of a run: the right to advance it, and its record at the beginning of a stage."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Draft, Kind
from ceos.runs.ids import RunId

#: The fields of an action: its first and last send, its failed sends, and the hash of its result.
_ACTION_FIELD = re.compile(r"[slah]\d+")


def idempotency_key(run: str, index: int) -> str:
    """Return the `idem` of an action: 16 characters, the same on every send of it and on no send of another."""
    digest = hashlib.sha256(f"{run}:{index}".encode()).digest()
    return base64.urlsafe_b64encode(digest)[:16].decode()


@dataclass
class ActionState:
    """The record of one action: when it was sent, how often that failed, and the hash of its result."""

    #: Sends that returned without success; crashes and 429 answers do not count.
    failures: int = 0
    #: Milliseconds, Redis's clock; None while the action has certainly not been carried out.
    first_sent: int | None = None
    last_sent: int | None = None
    #: The time at which this worker sent it, if it did.
    sent_now: int | None = None
    hash: str | None = None


@dataclass
class Lease:
    """The right to advance one run until the lease ends, and the run as it was at its beginning."""

    run_id: str
    stage: Stage
    fence: str
    revision: str
    status: RunStatus
    draft: Draft | None
    kind: Kind | None
    #: Failed attempts of this stage so far.
    tries: int
    #: How often the run was delivered without progress, this time included.
    deliveries: int
    #: How often the run was deferred since its last progress.
    deferrals: int
    #: When the run was opened, milliseconds.
    opened_ms: int
    #: Whether an operator has retried it by command.
    is_retried: bool = False
    #: The record of the run's video, JSON, and the id of its job by a webhook; empty without one.
    video: str = ""
    video_told: str = ""
    actions: dict[int, ActionState] = field(default_factory=dict)

    @property
    def id(self) -> RunId:
        """The id of the run in its parts."""
        return RunId.parse(self.run_id)

    @property
    def agent_id(self) -> str:
        """The agent whose run this is."""
        return self.id.agent_id

    @property
    def slot(self) -> str:
        """The slot of the run."""
        return self.id.slot

    def action(self, index: int) -> ActionState:
        """Return the record of one action."""
        return self.actions.setdefault(index, ActionState())

    @property
    def is_unsent(self) -> bool:
        """True when certainly no action of this run was carried out."""
        return not any(action.first_sent or action.hash for action in self.actions.values())

    @property
    def hashes(self) -> set[str]:
        """The hashes of the actions that are known to be carried out."""
        return {action.hash for action in self.actions.values() if action.hash}


def lease_from(run: str, stage: Stage, answer: Sequence[str]) -> Lease:
    """Return the lease for an answer of BEGIN: go, fence, revision, draft, then the fields of the run."""
    _, fence, revision, draft, *rest = answer
    fields = dict(zip(rest[::2], rest[1::2], strict=True))
    parsed = Draft.model_validate_json(draft) if draft else None
    lease = Lease(
        run_id=run,
        stage=stage,
        fence=fence,
        revision=revision or "",
        status=RunStatus(fields["st"]),
        draft=parsed,
        kind=Kind(fields["kind"]) if fields.get("kind") else None,
        tries=int(fields.get("tries", 0)),
        deliveries=int(fields.get("deliv", 0)),
        deferrals=int(fields.get("waits", 0)),
        opened_ms=int(fields["at"]),
        is_retried="again" in fields,
        video=fields.get("video", ""),
        video_told=fields.get("vtold", ""),
    )
    for index in {int(name[1:]) for name in fields if _ACTION_FIELD.fullmatch(name)}:
        first, last = fields.get(f"s{index}"), fields.get(f"l{index}")
        lease.actions[index] = ActionState(
            failures=int(fields.get(f"a{index}", 0)),
            first_sent=int(first) if first else None,
            last_sent=int(last) if last else None,
            hash=fields.get(f"h{index}"),
        )
    return lease
