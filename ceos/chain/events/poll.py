"""One poll of a subscription: check for a re-org, read the new blocks, deliver their events.

A re-org is noticed by a checkpoint that is no longer part of the chain. Every event above the point where the chains
part is then announced as removed, newest first, before anything new is delivered.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ceos.chain.events import store as event_store
from ceos.chain.events.cursor import Checkpoint, PollSession, parse_event
from ceos.chain.events.posts import EventPosts
from ceos.chain.events.store import EventStore
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.errors import CeosError, RangeRefused, ServiceUnavailable
from ceos.evm.abi import Event
from ceos.evm.block_range import RangeSize
from ceos.evm.client import EvmClient
from ceos.evm.types import Block, Log
from ceos.logs import event as fields
from ceos.plugins.calls import EventDispatcher

log = logging.getLogger(__name__)

#: A re-org reaches at most this many blocks below the head. Nearer blocks are checked and remembered one by one.
REORG_BLOCKS = 1_000
#: How many of these blocks are read together: with their logs, they are one request.
NEAR_BLOCKS = 99
#: How many checkpoints are compared with the chain at once.
COMPARED = 50
#: An event is left out after this many retries, because every worker that delivered it died.
MAX_RETRIES = 20
#: How many malformed logs are logged in one poll.
MAX_MALFORMED_LOGGED = 5


class ChainMoved(Exception):
    """The chain changed during the poll, or the node is behind; the next poll tries again."""


class ReorgTooDeep(CeosError):
    """The chain differs from the stored one further back than any re-org reaches; nothing is delivered."""


@dataclass(frozen=True)
class EventFilter:
    """A subscription with its contract and event resolved."""

    subscription: Subscription
    address: str
    event: Event
    #: The topics to request from nodes.
    topics: tuple[str | list[str] | None, ...]
    #: Differs whenever any of the above does.
    fingerprint: str


@dataclass(frozen=True)
class EventDelivery:
    """Delivers events to plugins and posts."""

    events: EventStore
    posts: EventPosts
    dispatcher: EventDispatcher
    stopping: threading.Event
    #: When the poll ends, by the monotonic clock.
    deadline: float

    @property
    def is_over(self) -> bool:
        """Say whether the poll has to end."""
        return time.monotonic() >= self.deadline or self.stopping.is_set()

    def deliver(self, session: PollSession, subscription: Subscription, event: ChainEvent, *, near: bool) -> None:
        """Deliver one event; all events before it are delivered."""
        cursor = self.events.begin_event(session, event, keep=near)
        if near and subscription.agents:
            self.posts.open_runs(subscription, event)
        self.dispatcher.notify(subscription=subscription, event=event)
        session.cursor = cursor._replace(is_done=True)

    def announce_removal(self, session: PollSession, subscription: Subscription, event: ChainEvent) -> None:
        """Announce that a re-org removed an event; all newer ones are announced."""
        self.posts.withdraw_event(event)
        self.dispatcher.notify(subscription=subscription, event=event)
        session.rolled_back = ""


class EventPoller:
    """Brings a subscription up to date within one session."""

    def __init__(
        self, client: EvmClient, event_filter: EventFilter, session: PollSession, delivery: EventDelivery
    ) -> None:
        self._client = client
        self._filter = event_filter
        self._subscription = event_filter.subscription
        self._session = session
        self._delivery = delivery
        self._events = delivery.events
        self._size = RangeSize(session.range_blocks)
        self._malformed_logged = 0

    def poll(self) -> bool:
        """Deliver what is new; return whether there is more to read at once."""
        session, head = self._session, self._client.head()
        session.head = head.number
        if session.next_block is None and not self._start(head):
            return False
        if session.fork_block is not None:
            self._roll_back()
        self._check_for_reorg()
        last = head.number - self._subscription.confirmations
        while session.next_block is not None and session.next_block <= last:
            is_all = self._read_range(session.next_block, last, head.number - REORG_BLOCKS)
            # Each poll delivers at least one event, however little time there is.
            if not is_all or (self._delivery.is_over and session.next_block <= last):
                return True
        return False

    def _start(self, head: Block) -> bool:
        """Start at the first block that counts; return whether it exists yet."""
        session, start = self._session, self._subscription.from_block
        start = head.number if start is None else start
        if start > head.number:
            session.reason = f"it begins at block {start}"
            return False
        session.start = session.next_block = start
        before = self._client.block(start - 1) if start else None
        if start and before is None:
            raise ChainMoved(f"the node does not have block {start - 1}")
        session.checkpoint = Checkpoint(start - 1, before.hash if before else "")
        self._events.save_session(session)
        log.info("A subscription begins", extra=fields("events.begun", subscription=session.name, block=start))
        return True

    # Re-orgs

    def _check_for_reorg(self) -> None:
        """Make sure that the newest known block is part of the chain; announce what a re-org removed."""
        session = self._session
        newest = Checkpoint(session.cursor.block, session.cursor.hash) if session.cursor else session.checkpoint
        if newest is None or newest.block < 0:
            return
        found = self._client.block(newest.block)
        if found is None:
            raise ChainMoved(f"the node does not have block {newest.block}, which was there before")
        if found.hash != newest.hash:
            self._start_rollback(newest)

    def _start_rollback(self, newest: Checkpoint) -> None:
        """Return to the newest checkpoint that is still part of the chain."""
        session = self._session
        fork = self._find_fork()
        if session.cursor and session.cursor.block > fork.block and not self._is_cursor_kept():
            raise _too_deep(newest.block)
        if self._events.has_dropped(session, fork.block):
            raise ReorgTooDeep(
                f"A re-org down to block {fork.block} removes more than the {event_store.MAX_KEPT:,} events that are "
                "kept, so not all could be announced. Rename the subscription to begin anew; until then nothing is "
                "delivered."
            )
        log.warning(
            "A re-org has removed blocks",
            extra=fields("events.reorg", subscription=session.name, block=newest.block, stays=fork.block),
        )
        session.fork_block, session.next_block, session.checkpoint = fork.block, fork.block + 1, fork
        self._events.save_session(session, above=fork.block)
        self._roll_back()

    def _find_fork(self) -> Checkpoint:
        session, checkpoints = self._session, self._events.checkpoints(self._session)
        for start in range(0, len(checkpoints), COMPARED):
            some = [one for one in checkpoints[start : start + COMPARED] if one.block >= 0]
            for checkpoint, block in zip(some, self._client.blocks([one.block for one in some]), strict=True):
                if block is not None and block.hash == checkpoint.hash:
                    return checkpoint
        oldest = checkpoints[-1] if checkpoints else None
        if oldest is None or session.start is None or oldest.block != session.start - 1:
            raise _too_deep(checkpoints[0].block if checkpoints else 0)
        # Every event since the first block is kept, so all of them can be announced as removed.
        before = self._client.block(oldest.block) if oldest.block >= 0 else None
        return Checkpoint(oldest.block, before.hash if before else "")

    def _is_cursor_kept(self) -> bool:
        """Say whether the event at the cursor is the newest kept one, so that it can be announced as removed."""
        entry, cursor = self._events.newest_event(self._session), self._session.cursor
        if not entry or cursor is None:
            return False
        event = parse_event(entry)
        return (event.block, event.index, event.block_hash) == (cursor.block, cursor.log_index, cursor.hash)

    def _roll_back(self) -> None:
        """Announce every event above the fork as removed, newest first."""
        session, fork = self._session, self._session.fork_block
        assert fork is not None
        if session.rolled_back and not self._is_left_out(parse_event(session.rolled_back).id):
            session.retry_count += 1
            self._events.save_session(session)
            self._announce_removal(session.rolled_back, is_repeated=True)
        while (entry := self._events.newest_event(session)) and parse_event(entry).block > fork:
            is_in_doubt = session.cursor is not None and not session.cursor.is_done and self._is_cursor_kept()
            self._events.begin_removal(session, entry)
            self._announce_removal(entry, is_repeated=is_in_doubt)
        session.fork_block, session.rolled_back, session.cursor = None, "", None
        self._events.save_session(session)

    def _announce_removal(self, entry: str, *, is_repeated: bool) -> None:
        event = parse_event(entry).model_copy(update={"removed": True, "repeated": is_repeated})
        self._delivery.announce_removal(self._session, self._subscription, event)

    # New blocks

    def _read_range(self, start: int, last: int, floor: int) -> bool:
        """Read the next blocks and deliver their events; return whether all of them were delivered."""
        session = self._session
        near = start > floor
        size = min(self._size.blocks, NEAR_BLOCKS) if near else self._size.blocks
        end = min(start + size - 1, last if near else min(last, floor))
        count = end - start + 1
        numbers = range(start, end + 1) if near else (end,)
        try:
            logs, blocks = self._client.logs_and_blocks(self._filter.address, self._filter.topics, start, end, numbers)
        except (RangeRefused, ServiceUnavailable) as error:
            self._size.refused(count)
            session.range_blocks = self._size.blocks
            if isinstance(error, RangeRefused) and count > 1:
                return True
            raise
        hashes = {block.number: block.hash for block in self._linked(numbers, blocks, near=near)}
        self._verify_logs(logs, start, end, hashes)
        if not self._deliver_logs(logs, near=near):
            return False
        self._size.answered(count, len(logs))
        session.next_block, session.checkpoint, session.cursor = end + 1, Checkpoint(end, hashes[end]), None
        session.range_blocks = self._size.blocks
        self._events.save_session(session, floor=floor)
        return True

    def _linked(self, numbers: Sequence[int], blocks: Sequence[Block | None], *, near: bool) -> list[Block]:
        """Return the blocks if they continue the known chain; raises `ChainMoved`."""
        session, found = self._session, []
        cursor, checkpoint = session.cursor, session.checkpoint
        parent = checkpoint.hash if checkpoint and checkpoint.block == numbers[0] - 1 else ""
        for number, block in zip(numbers, blocks, strict=True):
            if block is None:
                raise ChainMoved(f"the node does not have block {number}")
            is_replaced = cursor is not None and cursor.block == number and block.hash != cursor.hash
            if (parent and near and block.parent != parent) or is_replaced:
                raise ChainMoved(f"block {number} does not continue the known chain")
            parent = block.hash
            found.append(block)
        return found

    def _verify_logs(self, logs: Sequence[Log], start: int, end: int, hashes: dict[int, str]) -> None:
        """Make sure that logs match the filter, in order and in these blocks; raises `ServiceUnavailable`."""
        address, topics, seen = self._filter.address, self._filter.topics, dict(hashes)
        position = (start, -1)
        for one in logs:
            is_ours = one.address == address and start <= one.block <= end and _matches(one.topics, topics)
            if not is_ours or one.removed or (one.block, one.index) <= position:
                raise ServiceUnavailable("The node's logs do not match the request.")
            position = (one.block, one.index)
            if seen.setdefault(one.block, one.block_hash) != one.block_hash:
                raise ChainMoved(f"block {one.block} was replaced while it was read")

    def _deliver_logs(self, logs: Sequence[Log], *, near: bool) -> bool:
        """Deliver the logs after the cursor; return whether these are all."""
        session, begun = self._session, self._session.cursor
        for one in logs:
            is_repeated = False
            if begun is not None:
                if (one.block, one.index) < (begun.block, begun.log_index):
                    continue
                if (one.block, one.index, one.block_hash) != (begun.block, begun.log_index, begun.hash):
                    break
                is_repeated, begun = not begun.is_done, None
                if not is_repeated or self._is_left_out(f"{one.block_hash}:{one.index}"):
                    continue
            event = self._decode(one, is_repeated=is_repeated)
            if event is not None:
                self._delivery.deliver(session, self._subscription, event, near=near)
                if self._delivery.is_over:
                    return False
        if begun is not None:
            raise ServiceUnavailable(f"The node's logs of block {begun.block} lack one that was there before.")
        return True

    def _is_left_out(self, event_id: str) -> bool:
        """Say whether an event has been retried so often that it must be the cause of the workers' deaths."""
        if self._session.retry_count < MAX_RETRIES:
            return False
        log.error(
            "An event is left out: every worker that delivered it died",
            extra=fields(
                "events.deadly",
                subscription=self._session.name,
                chain_event=event_id,
                times=self._session.retry_count,
            ),
        )
        return True

    def _decode(self, one: Log, *, is_repeated: bool) -> ChainEvent | None:
        """Return the event of a log, or None for a malformed one."""
        try:
            args = self._filter.event.decode(one)
        except ValueError as error:
            # The contract's author controls the log, and must not be able to stop the subscription with it.
            self._session.malformed += 1
            if self._malformed_logged < MAX_MALFORMED_LOGGED:
                self._malformed_logged += 1
                extra = fields(
                    "events.odd", subscription=self._session.name, block=one.block, index=one.index, why=str(error)
                )
                log.warning("A log does not fit its event", extra=extra)
            return None
        # Every value was validated when the log was read.
        return ChainEvent.model_construct(
            subscription=self._session.name,
            id=f"{one.block_hash}:{one.index}",
            contract=one.address,
            name=self._filter.event.name,
            args=args,
            block=one.block,
            block_hash=one.block_hash,
            tx_hash=one.tx_hash,
            index=one.index,
            removed=False,
            repeated=is_repeated,
        )


def _matches(topics: Sequence[str], wanted: Sequence[Any]) -> bool:
    if len(topics) < len(wanted):
        return False
    return all(
        one is None or topic == one or (isinstance(one, list) and topic in one)
        for topic, one in zip(topics, wanted, strict=False)
    )


def _too_deep(block: int) -> ReorgTooDeep:
    return ReorgTooDeep(
        f"The chain differs from the stored one further back than {REORG_BLOCKS} blocks below block {block}. If the "
        "nodes are right, rename the subscription or change its from_block to begin anew; until then nothing is "
        "delivered."
    )
