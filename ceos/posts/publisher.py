"""Publishing a draft once: part by part, write-ahead, and a look at what is out before anything is sent again."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass

from ceos.clients.neynar.client import Neynar
from ceos.domain.agent import Agent
from ceos.domain.posts import Cast, Draft
from ceos.errors import CeosError, OutcomeUnknown, RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import event
from ceos.plugins.manager import Plugins
from ceos.runs.deferral import RetryLater, ShuttingDown
from ceos.runs.ledger import Lease, Ledger, PartState, idempotency_key

log = logging.getLogger(__name__)

#: A part is sent at most this often; crashes and 429 answers do not count.
MAX_SENDS = 3
#: How long to wait when the service is too busy and does not say for how long, in seconds.
SERVICE_RETRY_SECONDS = 15.0
#: How long to wait before looking again when the look-up itself fails, in seconds.
LOOKUP_RETRY_SECONDS = 30.0


@dataclass(frozen=True)
class _Post:
    """What is being published: the run's lease, the agent and its signer, and the frozen draft."""

    lease: Lease
    agent: Agent
    signer_uuid: str
    draft: Draft


def casts_out(lease: Lease, draft: Draft) -> list[Cast]:
    """Return the casts of a draft that are known to be out, in order."""
    casts = []
    parent = draft.parent.hash if draft.parent else None
    for index, part in enumerate(draft.parts):
        known = lease.part(index)
        if known.hash:
            sent = known.sent_now or known.first_sent or lease.opened_ms
            at = dt.datetime.fromtimestamp(sent / 1000, dt.UTC)
            casts.append(Cast(hash=known.hash, text=part.text, part=index, parent=parent, at=at))
        parent = known.hash
    return casts


class Publisher:
    """Sends the parts of a draft and knows which are out."""

    def __init__(
        self, ledger: Ledger, neynar: Neynar, plugins: Plugins, *, settle_seconds: float, stopping: threading.Event
    ) -> None:
        self._ledger = ledger
        self._neynar = neynar
        self._plugins = plugins
        self._settle_ms = int(settle_seconds * 1000)
        self._stopping = stopping

    def publish(self, lease: Lease, agent: Agent, signer_uuid: str, draft: Draft) -> list[Cast]:
        """Publish every part of a draft exactly once, however often this is called, and return the casts.

        Raises `RetryLater` when it must wait, `RequestRefused` when the service will not have it, and `StaleLease` or
        `PublishingHalted` when this worker may not go on.
        """
        post = _Post(lease, agent, signer_uuid, draft)
        parent = draft.parent.hash if draft.parent else None
        for index in range(len(draft.parts)):
            if lease.part(index).hash is None:
                if self._stopping.is_set():
                    raise ShuttingDown
                self._publish_part(post, index, parent)
            parent = lease.part(index).hash
        return casts_out(lease, draft)

    def _publish_part(self, post: _Post, index: int, parent: str | None) -> None:
        """Look whether the part is out already; if not, write down that it leaves, and send it."""
        known = post.lease.part(index)
        if known.first_sent is not None and self._find(post, index, parent):
            return
        if known.failures >= MAX_SENDS:
            raise RequestRefused(f"part {index + 1} was sent {known.failures} times and never showed up")
        self._ledger.record_sending(post.lease, index)
        try:
            hash = self._send(post, index, parent)
        except RateLimited as error:
            self._ledger.record_unsent(post.lease, index, counts=False)
            raise RetryLater(
                error.retry_after if error.retry_after is not None else SERVICE_RETRY_SECONDS, str(error)
            ) from None
        except ServiceUnavailable as error:
            self._ledger.record_unsent(post.lease, index, counts=True)
            raise self._again_or_give_up(known, error) from None
        except OutcomeUnknown as error:
            self._ledger.record_unanswered(post.lease, index)
            raise RetryLater(2.0 ** (known.failures - 1), str(error)) from None
        except RequestRefused:
            self._ledger.record_unsent(post.lease, index, counts=True)
            # An earlier send of unknown outcome may have come through after all; the part is lost only if it did not.
            if known.first_sent is None or not self._find(post, index, parent):
                raise
        else:
            self._note(post, index, hash)

    def _send(self, post: _Post, index: int, parent: str | None) -> str:
        part, agent = post.draft.parts[index], post.agent
        published = self._neynar.publish_cast(
            post.signer_uuid,
            part.text,
            idem=idempotency_key(post.lease.run_id, index),
            embeds=part.embeds,
            channel=agent.channel if parent is None else None,
            parent=parent,
            parent_fid=_parent_fid(post, index),
            max_bytes=agent.cast_bytes,
        )
        return published.hash

    def _find(self, post: _Post, index: int, parent: str | None) -> bool:
        """Look for a part of unknown outcome among the author's casts; raises `RetryLater` while it may show up."""
        known, part = post.lease.part(index), post.draft.parts[index]
        since = dt.datetime.fromtimestamp((known.first_sent or 0) / 1000, dt.UTC)
        # The same words may have been published before: a cast that belongs to an earlier post is not this part.
        used = post.lease.hashes | self._ledger.recent_hashes(post.agent.id)
        try:
            hash = self._neynar.find_cast(
                post.agent.fid, part.text, parent=parent, since=since, used=used, embeds=part.embeds
            )
        except ServiceError as error:
            # Without a look nothing may be sent; and a look that fails says nothing about the post.
            raise RetryLater(
                LOOKUP_RETRY_SECONDS, f"cannot tell yet whether part {index + 1} is out: {error}"
            ) from None
        if hash is not None:
            log.info("A cast of unknown outcome was found", extra=event("cast.found", part=index + 1, hash=hash))
            self._note(post, index, hash)
            return True
        age = self._ledger.now_ms() - (known.last_sent or 0)
        if age < self._settle_ms:
            raise RetryLater((self._settle_ms - age) / 1000, "waiting whether a cast of unknown outcome shows up")
        return False

    def _note(self, post: _Post, index: int, hash: str) -> None:
        self._ledger.record_sent(post.lease, index, hash)
        parts, kind = len(post.draft.parts), str(post.draft.kind)
        log.info("Cast published", extra=event("cast.published", hash=hash, part=index + 1, parts=parts, kind=kind))
        # Right after the hash is stored, so at most once: a crash in between is the one way to miss it.
        if self._plugins.listens("cast_published"):
            cast = next(cast for cast in casts_out(post.lease, post.draft) if cast.part == index)
            self._plugins.notify("cast_published", agent=post.agent, cast=cast)

    @staticmethod
    def _again_or_give_up(known: PartState, error: ServiceUnavailable) -> CeosError:
        if known.failures >= MAX_SENDS:
            return RequestRefused(f"given up after {known.failures} attempts: {error}")
        return RetryLater(error.retry_after or 2.0 ** (known.failures - 1), str(error))


def _parent_fid(post: _Post, index: int) -> int | None:
    """Return whose cast a part answers: the agent's own, but for the first part of a reply."""
    if index:
        return post.agent.fid
    return post.draft.parent.fid if post.draft.parent else None
