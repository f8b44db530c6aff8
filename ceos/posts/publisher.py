"""Publishing once: every action is recorded before it is sent, and looked up before it is sent again."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from ceos.clients.neynar.client import Neynar
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Cast, Draft
from ceos.errors import (
    LimitReached,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
    WrongAccount,
)
from ceos.logs import event
from ceos.plugins.manager import Plugins
from ceos.posts.actions import Action, DecidedReaction, PublishPart, React, Retract
from ceos.posts.store import Retraction
from ceos.runs.cast_limit import CastLimit
from ceos.runs.deferral import RetryLater, ShuttingDown
from ceos.runs.lease import ActionState, Lease
from ceos.runs.ledger import Ledger

log = logging.getLogger(__name__)

#: An action is sent at most this often; crashes and 429 answers do not count.
MAX_SENDS = 3
#: How long to wait when the service is too busy and does not say for how long, in seconds.
SERVICE_RETRY_SECONDS = 15.0
#: How long to wait before the next look-up when the look-up itself fails, in seconds.
LOOKUP_RETRY_SECONDS = 30.0
#: How long a post that is paid for, or has begun, waits before it claims places in the agent's hour again, in seconds.
RATE_LIMIT_RETRY_SECONDS = 60.0


def published_casts(lease: Lease, draft: Draft) -> list[Cast]:
    """Return the casts of a draft that are known to be published, in order."""
    casts = []
    parent = draft.parent.hash if draft.parent else None
    for index, part in enumerate(draft.parts):
        known = lease.action(index)
        if known.hash:
            sent = known.sent_now or known.first_sent or lease.opened_ms
            at = dt.datetime.fromtimestamp(sent / 1000, dt.UTC)
            casts.append(Cast(hash=known.hash, text=part.text, part=index, parent=parent, at=at))
        parent = known.hash
    return casts


class Publisher:
    """Carries out the actions of runs, each exactly once however often it is called.

    Every method raises `RetryLater` when it must wait, `RequestRefused` when the service refuses the action, and
    `StaleLease` or `PublishingHalted` when this worker must not send now.
    """

    def __init__(
        self, ledger: Ledger, neynar: Neynar, plugins: Plugins, limit: CastLimit, signer: Callable[[Agent], str], *,
        clock: Clock, settle_seconds: float, stopping: threading.Event,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._neynar = neynar
        self._plugins = plugins
        self._limit = limit
        self._signer = signer
        self._clock = clock
        self._settle_ms = int(settle_seconds * 1000)
        self._stopping = stopping

    def check_signer(self, agent: Agent) -> None:
        """Raise `KeyRefused` for a signer with which nothing can be published, before anything is paid for.

        While it cannot be looked up nothing is raised: the publish stage looks it up again before it sends.
        """
        with suppress(RetryLater):
            self._signer(agent)

    def reserve_places(self, lease: Lease, agent: Agent, parts: int) -> None:
        """Reserve places in the agent's hour for a post of up to so many parts, before anything is paid for it.

        Raises `LimitReached` when the hour has no room for them. A text that waits for its checks is paid for, and
        waits for its places too if they have ended meanwhile.
        """
        try:
            self._limit.claim_places(agent, lease.run_id, parts, self._clock.now())
        except LimitReached as error:
            if lease.draft is not None and lease.draft.is_unchecked:
                raise RetryLater(RATE_LIMIT_RETRY_SECONDS, str(error)) from None
            raise

    def publish(self, lease: Lease, agent: Agent, draft: Draft) -> list[Cast]:
        """Publish every part of a draft and return the casts.

        Raises `LimitReached` when the hour is full and nothing was paid for the draft.
        """
        signer_uuid = self._signer(agent)
        self._claim_places(lease, agent, draft)
        parent = draft.parent.hash if draft.parent else None
        for index in range(len(draft.parts)):
            part = PublishPart(self._neynar, lease, agent, signer_uuid, draft, index, parent)
            if self._carry_out(lease, agent, part):
                self._announce(lease, agent, draft, index)
            parent = lease.action(index).hash
        return published_casts(lease, draft)

    def react(self, lease: Lease, agent: Agent, reaction: DecidedReaction) -> None:
        """Like or recast a cast."""
        if self._carry_out(lease, agent, React(self._neynar, lease, self._signer(agent), reaction)):
            fields = event("mention.reacted", kind=reaction.kind, hash=reaction.cast_hash)
            log.info("Reacted to a mention", extra=fields)

    def retract(self, lease: Lease, agent: Agent, retraction: Retraction) -> None:
        """Delete casts or take reactions back, step by step; a cast that is gone is forgotten at once."""
        signer_uuid = self._signer(agent)
        for index, step in enumerate(retraction.steps):
            action = Retract(self._neynar, lease, signer_uuid, step, index)
            if self._carry_out(lease, agent, action):
                fields = event(
                    "cast.retracted", kind=step.kind, hash=step.hash, by=retraction.by, reason=retraction.reason
                )
                log.info("Cast deleted or reaction taken back", extra=fields)
            if step.kind == "delete":
                self._ledger.forget_cast(agent.id, retraction.run_id, step.hash)

    def _claim_places(self, lease: Lease, agent: Agent, draft: Draft) -> None:
        """Claim places in the agent's hour for the missing parts: those that were reserved, if there are any.

        A draft that has begun or was paid for waits for its places. It may hold too few: a text was split into more
        parts than its brief has, or the reservation ended while the run waited.
        """
        first, parts = len(lease.hashes), len(draft.parts)
        if first == parts:
            return
        try:
            self._limit.claim_places(agent, lease.run_id, parts, self._clock.now(), first=first)
        except LimitReached as error:
            is_worth_waiting = first or lease.action(0).first_sent or draft.cost_usd
            if is_worth_waiting and parts - first <= agent.limits.casts_per_hour:
                raise RetryLater(RATE_LIMIT_RETRY_SECONDS, str(error)) from None
            raise

    def _announce(self, lease: Lease, agent: Agent, draft: Draft, index: int) -> None:
        hash, parts = lease.action(index).hash, len(draft.parts)
        fields = event("cast.published", hash=hash, part=index + 1, parts=parts, kind=str(draft.kind))
        log.info("Cast published", extra=fields)
        # Right after the hash is stored, so at most once: only a crash in between loses it.
        if self._plugins.listens("cast_published"):
            cast = next(cast for cast in published_casts(lease, draft) if cast.part == index)
            self._plugins.notify("cast_published", agent=agent, cast=cast)

    # One action, once

    def _carry_out(self, lease: Lease, agent: Agent, action: Action) -> bool:
        """Carry out one action and record its result; return False when an earlier call has recorded it."""
        known = lease.action(action.index)
        if known.hash is not None:
            return False
        if self._stopping.is_set():
            raise ShuttingDown
        if known.first_sent is not None and self._find(lease, agent, action):
            return True
        if known.failures >= MAX_SENDS:
            raise RequestRefused(f"{action.label} was sent {known.failures} times and never showed up")
        self._ledger.record_sending(lease, action.index)
        try:
            hash = action.send()
        except RateLimited as error:
            self._ledger.record_unsent(lease, action.index, counts=False)
            seconds = SERVICE_RETRY_SECONDS if error.retry_after is None else error.retry_after
            raise RetryLater(seconds, str(error)) from None
        except ServiceUnavailable as error:
            self._ledger.record_unsent(lease, action.index, counts=True)
            raise _retry_or_give_up(known, error) from None
        except OutcomeUnknown as error:
            self._ledger.record_unanswered(lease, action.index)
            raise RetryLater(2.0 ** (known.failures - 1), str(error)) from None
        except WrongAccount as error:
            # It is out, although not where it should be; it must not be sent again.
            self._ledger.record_sent(lease, action.index, error.hash)
            raise
        except RequestRefused:
            self._ledger.record_unsent(lease, action.index, counts=True)
            # An earlier send of unknown outcome may have succeeded; the action has failed only if it did not.
            if known.first_sent is None or not self._find(lease, agent, action):
                raise
        else:
            self._ledger.record_sent(lease, action.index, hash)
        return True

    def _find(self, lease: Lease, agent: Agent, action: Action) -> bool:
        """Look for the result of a send of unknown outcome; raises `RetryLater` while it may still show up."""
        if action.is_repeatable:
            return False
        known = lease.action(action.index)
        since = dt.datetime.fromtimestamp((known.first_sent or 0) / 1000, dt.UTC)
        # The same text may have been published before: a cast that belongs to an earlier run is not the result.
        used = lease.hashes | self._ledger.recent_hashes(agent.id)
        try:
            hash = action.find(since, used)
        except ServiceError as error:
            # Nothing may be sent without a look-up, and a failed look-up says nothing about the action.
            raise RetryLater(LOOKUP_RETRY_SECONDS, f"cannot tell yet whether {action.label} is out: {error}") from None
        if hash is not None:
            log.info("A cast of unknown outcome was found", extra=event("cast.found", part=action.index + 1, hash=hash))
            self._ledger.record_sent(lease, action.index, hash)
            return True
        age = self._ledger.now_ms() - (known.last_sent or 0)
        if age < self._settle_ms:
            raise RetryLater((self._settle_ms - age) / 1000, "waiting whether a cast of unknown outcome shows up")
        return False


def _retry_or_give_up(known: ActionState, error: ServiceUnavailable) -> RequestRefused | RetryLater:
    if known.failures >= MAX_SENDS:
        return RequestRefused(f"given up after {known.failures} attempts: {error}")
    return RetryLater(error.retry_after or 2.0 ** (known.failures - 1), str(error))
