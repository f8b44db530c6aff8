"""Publishing a draft once: part by part, write-ahead, and a look at what is out before anything is sent again."""

from __future__ import annotations

import datetime as dt
import logging
import threading

from ceos.clients.neynar import Neynar
from ceos.errors import CeosError, OutcomeUnknown, RateLimited, RequestRefused, ServiceUnavailable
from ceos.ledger import Lease, Ledger, PartState, idempotency_key
from ceos.logs import event
from ceos.models import Agent, Cast, Draft

log = logging.getLogger(__name__)

#: A part is sent at most this often; crashes and 429 answers do not count.
SENDS = 3
#: How long to wait when the service is too busy and does not say for how long, in seconds.
BUSY_SECONDS = 15.0


class Later(CeosError):
    """The run cannot go on now and should be driven again later."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        #: How long to leave the run alone, in seconds.
        self.seconds = seconds


class Stopping(Later):
    """This process is shutting down; another worker goes on at once."""

    def __init__(self) -> None:
        super().__init__(0.0, "handed back at shutdown")


class Publisher:
    """Sends the parts of a draft and knows which are out."""

    def __init__(self, ledger: Ledger, neynar: Neynar, *, settle_seconds: float, stopping: threading.Event) -> None:
        self._ledger = ledger
        self._neynar = neynar
        self._settle_ms = int(settle_seconds * 1000)
        self._stopping = stopping

    def publish(self, lease: Lease, agent: Agent, signer_uuid: str, draft: Draft) -> list[Cast]:
        """Publish every part of a draft exactly once, however often this is called, and return the casts.

        Raises `Later` when it must wait, `RequestRefused` when the service will not have it, and `Fenced` or `Held` when
        this worker may not go on.
        """
        casts: list[Cast] = []
        parent: str | None = None
        for index, part in enumerate(draft.parts):
            known = lease.part(index)
            if known.hash is None:
                if self._stopping.is_set():
                    raise Stopping
                self._publish_part(lease, agent, signer_uuid, draft, index, parent)
            sent_ms = known.first_sent or known.sent_now or lease.opened_ms
            casts.append(
                Cast(
                    hash=known.hash or "",
                    text=part.text,
                    part=index,
                    parent=parent,
                    at=dt.datetime.fromtimestamp(sent_ms / 1000, dt.UTC),
                )
            )
            parent = known.hash
        return casts

    def _publish_part(
        self, lease: Lease, agent: Agent, signer_uuid: str, draft: Draft, index: int, parent: str | None
    ) -> None:
        known = lease.part(index)
        if known.first_sent is not None and self._find(lease, agent, draft, index, parent):
            return
        if known.failures >= SENDS:
            raise RequestRefused(f"part {index + 1} was sent {known.failures} times and never showed up")
        self._ledger.sending(lease, index)
        try:
            published = self._neynar.publish_cast(
                signer_uuid,
                draft.parts[index].text,
                idem=idempotency_key(lease.run_id, index),
                embeds=draft.parts[index].embeds,
                channel=agent.channel if parent is None else None,
                parent=parent,
                parent_fid=agent.fid if parent else None,
                max_bytes=agent.cast_bytes,
            )
        except RateLimited as error:
            self._ledger.unsent(lease, index, counts=False)
            raise Later(error.retry_after if error.retry_after is not None else BUSY_SECONDS, str(error)) from None
        except ServiceUnavailable as error:
            self._ledger.unsent(lease, index, counts=True)
            raise self._again_or_give_up(known, error) from None
        except OutcomeUnknown as error:
            self._ledger.unanswered(lease, index)
            raise Later(2.0 ** (known.failures - 1), str(error)) from None
        except RequestRefused:
            self._ledger.unsent(lease, index, counts=True)
            # An earlier send of unknown outcome may have come through after all; the part is lost only if it did not.
            if known.first_sent is None or not self._find(lease, agent, draft, index, parent):
                raise
            return
        self._note(lease, index, published.hash, draft)

    def _find(self, lease: Lease, agent: Agent, draft: Draft, index: int, parent: str | None) -> bool:
        """Look for a part whose outcome is unknown among the author's casts; raises `Later` while it may still show up."""
        known, part = lease.part(index), draft.parts[index]
        first, last = known.first_sent or 0, known.last_sent or 0
        since = dt.datetime.fromtimestamp(first / 1000, dt.UTC)
        # The same words may have been published before: a cast that belongs to an earlier post is not this part.
        used = lease.hashes | self._ledger.recent_hashes(agent.id)
        try:
            hash = self._neynar.find_cast(
                agent.fid, part.text, parent=parent, since=since, used=used, embeds=part.embeds
            )
        except (RateLimited, ServiceUnavailable) as error:
            wait = error.retry_after if error.retry_after is not None else BUSY_SECONDS
            raise Later(wait, f"cannot tell yet whether part {index + 1} is out: {error}") from None
        if hash is not None:
            log.info("A cast of unknown outcome was found", extra=event("cast.found", part=index, hash=hash))
            self._note(lease, index, hash, draft)
            return True
        age = self._ledger.now_ms() - last
        if age < self._settle_ms:
            raise Later((self._settle_ms - age) / 1000, "waiting whether a cast of unknown outcome shows up")
        return False

    def _note(self, lease: Lease, index: int, hash: str, draft: Draft) -> None:
        self._ledger.sent(lease, index, hash)
        log.info(
            "Cast published",
            extra=event("cast.published", hash=hash, part=index + 1, parts=len(draft.parts), kind=str(draft.kind)),
        )

    @staticmethod
    def _again_or_give_up(known: PartState, error: ServiceUnavailable) -> CeosError:
        if known.failures >= SENDS:
            return RequestRefused(f"given up after {known.failures} attempts: {error}")
        return Later(error.retry_after or 2.0 ** (known.failures - 1), str(error))
