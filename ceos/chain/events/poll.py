"""One turn at a subscription: is the chain still the one we know, what is new on it, and whom to tell.

A re-org is noticed by a block that we remember and the chain does not have any more. Then everything handed over since
the point where the two part is taken back, newest first, before anything new is handed over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ceos.chain.events import cursor as event_store
from ceos.chain.events.cursor import Checkpoint, EventStore, PollSession, event_of
from ceos.chain.events.posts import EventPosts
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.errors import CeosError, RangeRefused, ServiceUnavailable
from ceos.evm.abi import Event
from ceos.evm.block_range import RangeSize
from ceos.evm.client import BaseChain
from ceos.evm.types import Block, Log
from ceos.logs import event as fields
from ceos.plugins.calls import EventDispatcher

log = logging.getLogger(__name__)

#: So many blocks below the head nothing changes any more; what is nearer is checked block by block and remembered.
WINDOW = 1_000
#: How many blocks of the window are looked at together: with their logs, they are one request.
NEAR_BLOCKS = 99
#: How many remembered blocks are compared at once.
COMPARED = 50
#: An event that was told of so often in doubt ends whoever is told of it: it is left out, and the rest goes on.
DOUBTS = 20
#: How many logs that do not fit their event are told of, in one turn.
TOLD_ODD = 5


class ChainMoved(Exception):
    """The chain has changed while we looked, or the node lags behind what we know; the next turn looks again."""


class ReorgTooDeep(CeosError):
    """The chain differs from what we know further back than any re-org reaches; nothing is handed over."""


@dataclass(frozen=True)
class EventFilter:
    """What a subscription follows, looked up."""

    subscription: Subscription
    address: str
    event: Event
    #: What nodes are asked for.
    topics: tuple[str | list[str] | None, ...]
    #: Stands for all of this.
    fingerprint: str


@dataclass(frozen=True)
class EventDelivery:
    """The way from a log to those who are told of it."""

    events: EventStore
    posts: EventPosts
    dispatcher: EventDispatcher
    stopping: threading.Event
    #: When the turn ends, by the monotonic clock.
    until: float

    @property
    def is_over(self) -> bool:
        """Say whether it is time to hand the turn back."""
        return time.monotonic() >= self.until or self.stopping.is_set()

    def hand(self, turn: PollSession, subscription: Subscription, event: ChainEvent, *, near: bool) -> None:
        """Hand over one event; all before it are done."""
        at = self.events.begin(turn, event, keep=near)
        if near and subscription.agents:
            self.posts.open(subscription, event)
        self.dispatcher.notify(subscription=subscription, event=event)
        turn.at = at._replace(is_done=True)

    def take_back(self, turn: PollSession, subscription: Subscription, event: ChainEvent) -> None:
        """Announce that an event did not happen; all newer ones are announced."""
        self.posts.withdraw(event)
        self.dispatcher.notify(subscription=subscription, event=event)
        turn.gone = ""


class EventPoller:
    """What a worker does in its turn."""

    def __init__(
        self, client: BaseChain, followed: EventFilter, turn: PollSession, handing: EventDelivery, size: RangeSize
    ) -> None:
        self._client = client
        self._followed = followed
        self._subscription = followed.subscription
        self._turn = turn
        self._handing = handing
        self._events = handing.events
        self._size = size
        self._told_odd = 0

    def go(self) -> bool:
        """Do what there is to do, and return whether there is more to do at once."""
        turn, head = self._turn, self._client.head()
        turn.head = head.number
        if turn.next is None and not self._start(head):
            return False
        if turn.fork is not None:
            self._unwind()
        self._check()
        last = head.number - self._subscription.confirmations
        while turn.next is not None and turn.next <= last:
            is_all = self._look(turn.next, last, head.number - WINDOW)
            # However little time there is, each turn comes one event further.
            if not is_all or (self._handing.is_over and turn.next <= last):
                return True
        return False

    def _start(self, head: Block) -> bool:
        """Begin with the first block that counts; return whether there is one yet."""
        turn, start = self._turn, self._subscription.from_block
        start = head.number if start is None else start
        if start > head.number:
            turn.why = f"it begins at block {start}"
            return False
        turn.start = turn.next = start
        before = self._client.block(start - 1) if start else None
        if start and before is None:
            raise ChainMoved(f"the node does not have block {start - 1}")
        turn.end = Checkpoint(start - 1, before.hash if before else "")
        self._events.keep(turn)
        log.info("A subscription begins", extra=fields("events.begun", subscription=turn.name, block=start))
        return True

    # Re-orgs

    def _check(self) -> None:
        """Make sure that the newest block we know is part of the chain, or take back what is not."""
        turn = self._turn
        newest = Checkpoint(turn.at.block, turn.at.hash) if turn.at else turn.end
        if newest is None or newest.block < 0:
            return
        found = self._client.block(newest.block)
        if found is None:
            raise ChainMoved(f"the node does not have block {newest.block}, which was there before")
        if found.hash != newest.hash:
            self._fork(newest)

    def _fork(self, newest: Checkpoint) -> None:
        """Go back to the newest block that is still part of the chain."""
        turn = self._turn
        stays = self._meeting_point()
        if turn.at and turn.at.block > stays.block and not self._is_kept():
            raise _too_deep(newest.block)
        if self._events.has_dropped(turn, stays.block):
            raise ReorgTooDeep(
                f"A re-org down to block {stays.block} removes more events than the {event_store.KEPT:,} kept; "
                "not all could be announced. Give the subscription a new name; nothing is handed over until then."
            )
        log.warning(
            "A re-org has removed blocks",
            extra=fields("events.reorg", subscription=turn.name, block=newest.block, stays=stays.block),
        )
        turn.fork, turn.next, turn.end = stays.block, stays.block + 1, stays
        self._events.keep(turn, above=stays.block)
        self._unwind()

    def _meeting_point(self) -> Checkpoint:
        turn, marks = self._turn, self._events.marks(self._turn)
        for start in range(0, len(marks), COMPARED):
            some = [mark for mark in marks[start : start + COMPARED] if mark.block >= 0]
            for mark, block in zip(some, self._client.blocks([mark.block for mark in some]), strict=True):
                if block is not None and block.hash == mark.hash:
                    return mark
        oldest = marks[-1] if marks else None
        if oldest is None or turn.start is None or oldest.block != turn.start - 1:
            raise _too_deep(marks[0].block if marks else 0)
        # All of it since the beginning is remembered, so all of it can be taken back.
        before = self._client.block(oldest.block) if oldest.block >= 0 else None
        return Checkpoint(oldest.block, before.hash if before else "")

    def _is_kept(self) -> bool:
        """Say whether the event begun last could be announced as removed."""
        entry, at = self._events.newest(self._turn), self._turn.at
        if not entry or at is None:
            return False
        event = event_of(entry)
        return (event.block, event.index, event.block_hash) == (at.block, at.position, at.hash)

    def _unwind(self) -> None:
        """Announce every event above the fork as removed, newest first."""
        turn, fork = self._turn, self._turn.fork
        assert fork is not None
        if turn.gone and not self._is_deadly(event_of(turn.gone).id):
            turn.doubts += 1
            self._events.keep(turn)
            self._take_back(turn.gone, in_doubt=True)
        while (entry := self._events.newest(turn)) and event_of(entry).block > fork:
            in_doubt = turn.at is not None and not turn.at.is_done and self._is_kept()
            self._events.remove(turn, entry)
            self._take_back(entry, in_doubt=in_doubt)
        turn.fork, turn.gone, turn.at = None, "", None
        self._events.keep(turn)

    def _take_back(self, entry: str, *, in_doubt: bool) -> None:
        event = event_of(entry).model_copy(update={"removed": True, "repeated": in_doubt})
        self._handing.take_back(self._turn, self._subscription, event)

    # New blocks

    def _look(self, start: int, last: int, floor: int) -> bool:
        """Look at the next blocks and hand over what is there; return whether all of it was handed over."""
        turn = self._turn
        near = start > floor
        size = min(self._size.blocks, NEAR_BLOCKS) if near else self._size.blocks
        end = min(start + size - 1, last if near else min(last, floor))
        count = end - start + 1
        numbers = range(start, end + 1) if near else (end,)
        try:
            logs, blocks = self._client.search(self._followed.address, self._followed.topics, start, end, numbers)
        except (RangeRefused, ServiceUnavailable) as error:
            self._size.refused(count)
            turn.range = self._size.blocks
            if isinstance(error, RangeRefused) and count > 1:
                return True
            raise
        found = {block.number: block.hash for block in self._linked(numbers, blocks, near=near)}
        self._verify(logs, start, end, found)
        if not self._hand_over(logs, near=near):
            return False
        self._size.answered(count, len(logs))
        turn.next, turn.end, turn.at, turn.range = end + 1, Checkpoint(end, found[end]), None, self._size.blocks
        self._events.keep(turn, floor=floor)
        return True

    def _linked(self, numbers: Sequence[int], blocks: Sequence[Block | None], *, near: bool) -> list[Block]:
        """Return the blocks if they are a chain that continues the one we know; raises `ChainMoved`."""
        turn, found = self._turn, []
        before = turn.end.hash if turn.end and turn.end.block == numbers[0] - 1 else ""
        for number, block in zip(numbers, blocks, strict=True):
            if block is None:
                raise ChainMoved(f"the node does not have block {number}")
            is_known = turn.at is not None and turn.at.block == number
            if (before and near and block.parent != before) or (is_known and turn.at and block.hash != turn.at.hash):
                raise ChainMoved(f"block {number} does not continue the chain we know")
            before = block.hash
            found.append(block)
        return found

    def _verify(self, logs: Sequence[Log], start: int, end: int, hashes: dict[int, str]) -> None:
        """Make sure that logs are what was asked for, in order, and of these blocks; raises `ServiceUnavailable`."""
        address, topics, seen = self._followed.address, self._followed.topics, dict(hashes)
        place = (start, -1)
        for one in logs:
            is_ours = one.address == address and start <= one.block <= end and _fits(one.topics, topics)
            if not is_ours or one.removed or (one.block, one.index) <= place:
                raise ServiceUnavailable("The node's logs are not those that it was asked for.")
            place = (one.block, one.index)
            if seen.setdefault(one.block, one.block_hash) != one.block_hash:
                raise ChainMoved(f"block {one.block} was replaced while it was looked at")

    def _hand_over(self, logs: Sequence[Log], *, near: bool) -> bool:
        """Hand over what was not handed over before; return whether that is all of it."""
        turn, begun = self._turn, self._turn.at
        for one in logs:
            is_repeated = False
            if begun is not None:
                if (one.block, one.index) < (begun.block, begun.position):
                    continue
                if (one.block, one.index, one.block_hash) != (begun.block, begun.position, begun.hash):
                    break
                is_repeated, begun = not begun.is_done, None
                if not is_repeated or self._is_deadly(f"{one.block_hash}:{one.index}"):
                    continue
            event = self._event(one, is_repeated=is_repeated)
            if event is not None:
                self._handing.hand(turn, self._subscription, event, near=near)
                if self._handing.is_over:
                    return False
        if begun is not None:
            raise ServiceUnavailable(f"The node's logs leave out one of block {begun.block} that was there before.")
        return True

    def _is_deadly(self, event_id: str) -> bool:
        """Say whether an event was told of in doubt so often that it must be what ends its workers."""
        if self._turn.doubts < DOUBTS:
            return False
        log.error(
            "An event is left out: nobody lived to be told of it",
            extra=fields("events.deadly", subscription=self._turn.name, chain_event=event_id, times=self._turn.doubts),
        )
        return True

    def _event(self, one: Log, *, is_repeated: bool) -> ChainEvent | None:
        """Return the event that a log tells of, or None for one that only claims to be it."""
        try:
            args = self._followed.event.decode(one)
        except ValueError as error:
            # Whoever wrote the contract wrote this; it must not keep us from what comes after it.
            self._turn.odd += 1
            if self._told_odd < TOLD_ODD:
                self._told_odd += 1
                place = fields(
                    "events.odd", subscription=self._turn.name, block=one.block, index=one.index, why=str(error)
                )
                log.warning("A log does not fit its event", extra=place)
            return None
        # Everything in it was checked when the log was read.
        return ChainEvent.model_construct(
            subscription=self._turn.name,
            id=f"{one.block_hash}:{one.index}",
            contract=one.address,
            name=self._followed.event.name,
            args=args,
            block=one.block,
            block_hash=one.block_hash,
            tx_hash=one.tx_hash,
            index=one.index,
            removed=False,
            repeated=is_repeated,
        )


def _fits(topics: Sequence[str], wanted: Sequence[Any]) -> bool:
    if len(topics) < len(wanted):
        return False
    return all(
        one is None or topic == one or (isinstance(one, list) and topic in one)
        for topic, one in zip(topics, wanted, strict=False)
    )


def _too_deep(block: int) -> ReorgTooDeep:
    return ReorgTooDeep(
        f"The chain differs from what was followed further back than {WINDOW} blocks below block {block}. If the nodes "
        "are right, give the subscription a new name or another from_block; nothing is handed over until then."
    )
