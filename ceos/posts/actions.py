"""The changes that agents make on the network, one at a time; `Publisher` carries each out once, behind the ledger."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.types import ReactionKind
from ceos.domain.agent import Agent
from ceos.domain.posts import Draft
from ceos.errors import KeyRefused, OutcomeUnknown, RequestRefused, WrongAccount
from ceos.posts.store import RetractionStep
from ceos.runs.lease import Lease, idempotency_key


class Action:
    """One change on the network, recorded under an index of its own in the run."""

    #: Whether it may be sent again after an unknown outcome without a look-up, because a repeat changes nothing.
    is_repeatable: ClassVar[bool] = False

    index: int

    @property
    def label(self) -> str:
        """The name of the action in a sentence, such as "part 2"."""
        raise NotImplementedError

    def send(self) -> str:
        """Send it once and return the hash of its result; raises a `ServiceError`."""
        raise NotImplementedError

    def find(self, since: dt.datetime, used: set[str]) -> str | None:
        """Return the hash of the result of an earlier send of unknown outcome, or None when there is none.

        `since` is the time of the first send; `used` are the hashes of other casts of the agent. Only actions that
        are not repeatable are looked for.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class PublishPart(Action):
    """Publishing one part of a draft."""

    neynar: Neynar
    lease: Lease
    agent: Agent
    signer_uuid: str
    draft: Draft
    index: int
    #: The cast that the part answers.
    parent: str | None

    @property
    def label(self) -> str:
        """The part, counted from 1."""
        return f"part {self.index + 1}"

    def send(self) -> str:
        """Publish the cast and return its hash; raises `WrongAccount` when another account has published it."""
        part, agent = self.draft.parts[self.index], self.agent
        published = self.neynar.publish_cast(
            self.signer_uuid,
            part.text,
            idem=idempotency_key(self.lease.run_id, self.index),
            embeds=part.embeds,
            channel=agent.channel if self.parent is None else None,
            parent=self.parent,
            parent_fid=self._parent_fid(),
            max_bytes=agent.cast_bytes,
        )
        if published.author_fid not in (None, agent.fid):
            raise WrongAccount(
                f"Neynar published {self.label} as fid {published.author_fid}, but agent {agent.id!r} has fid "
                f"{agent.fid}. Delete the cast {published.hash} there, and correct the signer or the fid.",
                hash=published.hash,
            )
        return published.hash

    def find(self, since: dt.datetime, used: set[str]) -> str | None:
        """Return the hash of the cast among the author's recent casts, or None."""
        part = self.draft.parts[self.index]
        return self.neynar.find_cast(
            self.agent.fid, part.text, parent=self.parent, since=since, used=used, embeds=part.embeds
        )

    def _parent_fid(self) -> int | None:
        """Return the author of the parent: the agent itself, except for the first part of a reply."""
        if self.index:
            return self.agent.fid
        return self.draft.parent.fid if self.draft.parent else None


@dataclass(frozen=True)
class DecidedReaction:
    """A like or a recast that was decided."""

    kind: ReactionKind
    cast_hash: str
    author_fid: int
    #: The reason that the strategy gave.
    reason: str

    @property
    def record(self) -> str:
        """The sentence that stays on the run's record."""
        return f"{'liked' if self.kind == 'like' else self.kind}: {self.reason}"


@dataclass(frozen=True)
class React(Action):
    """Liking or recasting a cast; a repeat changes nothing."""

    neynar: Neynar
    lease: Lease
    signer_uuid: str
    reaction: DecidedReaction

    is_repeatable: ClassVar[bool] = True
    index: int = 0

    @property
    def label(self) -> str:
        """The kind of reaction."""
        return f"the {self.reaction.kind}"

    def send(self) -> str:
        """React and return the kind of reaction, for a reaction has no hash."""
        one = self.reaction
        # Another key than that of a part: the run of a mention may reply as well.
        idem = idempotency_key(f"{self.lease.run_id}:{one.kind}", 0)
        try:
            self.neynar.react(self.signer_uuid, one.kind, one.cast_hash, one.author_fid, idem=idem)
        except OutcomeUnknown as error:
            # "Duplicate": an earlier attempt succeeded.
            if error.status != 400:
                raise
        return one.kind


@dataclass(frozen=True)
class Retract(Action):
    """Deleting a cast, or taking a like or a recast back; one that is gone already counts as done."""

    neynar: Neynar
    lease: Lease
    signer_uuid: str
    step: RetractionStep
    index: int

    is_repeatable: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The cast or reaction that is taken back, in words."""
        what = "cast" if self.step.kind == "delete" else self.step.kind
        return f"the removal of the {what} {self.step.hash}"

    def send(self) -> str:
        """Take it back and return the hash of the cast that it concerns."""
        try:
            self._send()
        except KeyRefused:
            raise
        except RequestRefused as error:
            # Neynar's refusal for a cast that is gone is not documented, so the cast itself is looked up.
            if error.status != 404 and self.step.hash in self.neynar.full_casts([self.step.hash]):
                raise
        return self.step.hash

    def _send(self) -> None:
        step = self.step
        if step.kind == "delete":
            self.neynar.delete_cast(self.signer_uuid, step.hash)
        else:
            idem = idempotency_key(self.lease.run_id, self.index)
            self.neynar.unreact(self.signer_uuid, step.kind, step.hash, step.author_fid, idem=idem)
