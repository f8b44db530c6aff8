"""Following events: from the chain to plugins and posts, each event once, whatever process or block goes.

There is no queue between the chain and a plugin: the chain is the queue, and `event_store.py` keeps the place in it. A
worker takes its turn at a subscription, makes sure that the blocks it knows are still part of the chain, looks at the
next ones, hands over what it finds, and hands the turn back.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ceos.chain.config.contracts import Contracts
from ceos.chain.due_queue import Agenda
from ceos.chain.events.cursor import EventStore, PollSession
from ceos.chain.events.poll import ChainMoved, EventDelivery, EventFilter, EventPoller
from ceos.chain.events.posts import EventPosts
from ceos.domain.base import Frozen
from ceos.domain.chain_event import Subscription
from ceos.errors import CeosError, Fenced, InvalidInput, NotFound, StoreUnavailable
from ceos.evm.block_range import RangeSize
from ceos.evm.client import BaseChain
from ceos.logs import event as fields
from ceos.plugins.manager import Plugins

log = logging.getLogger(__name__)

#: What the agenda calls subscriptions; the name follows.
SUBSCRIPTION = "sub/"
#: How long one turn lasts at most, in seconds; shorter than `scheduler.CHAIN_SECONDS`.
TURN_SECONDS = 20.0
#: How long the next turn waits at the head of the chain, after an odd answer, and at most after errors, in seconds.
HEAD_SECONDS, MOVED_SECONDS, ERROR_SECONDS = 2.0, 1.0, 60.0


@dataclass(frozen=True)
class FollowerDeps:
    """What events are followed with."""

    client: Callable[[], BaseChain]
    chain_id: int
    contracts: Contracts
    subscriptions: Sequence[Subscription]
    events: EventStore
    posts: EventPosts
    plugins: Plugins
    agenda: Agenda
    stopping: threading.Event


class PollResult(Frozen):
    """What one turn did."""

    handed: int = 0
    removed: int = 0
    #: Whether there is more to do at once.
    has_more: bool = False
    #: Another worker has the turn.
    is_taken: bool = False
    #: Why it does not go on, in a sentence.
    why: str = ""


class SubscriptionState(Frozen):
    """How far a subscription has come."""

    name: str
    contract: str
    event: str
    #: The next block to look at and the newest that was seen; None before the first look.
    next: int | None
    head: int | None
    #: How many blocks that are deep enough are not done.
    lag: int | None
    handed: int
    removed: int
    #: Logs that claim to be the event and do not fit it; they are left out.
    odd: int
    #: How many blocks a node is asked about at once.
    range: int
    #: Whether a worker has its turn now.
    is_held: bool
    #: Why it does not go on, in a sentence.
    why: str


class Follower:
    """Follows the subscriptions of an operator."""

    def __init__(self, following: FollowerDeps) -> None:
        self._f = following
        self._by_name = {one.name: one for one in following.subscriptions}
        self._followed: dict[str, EventFilter] = {}

    def register(self) -> None:
        """Put every subscription on the agenda, and take off those that the operator does not have any more."""
        wanted = {SUBSCRIPTION + name for name in self._by_name}
        for name in self._f.agenda.names():
            if name.startswith(SUBSCRIPTION) and name not in wanted:
                self._f.agenda.remove(name)
        self.remind()

    def remind(self) -> None:
        """Put every subscription on the agenda: a host with an older file may have taken off what it does not know."""
        self._f.agenda.add(*sorted(SUBSCRIPTION + name for name in self._by_name))

    def poll(self, name: str, *, seconds: float = TURN_SECONDS) -> PollResult:
        """Take one turn at a subscription, unless another worker has it, and say when the next one is due."""
        name = name.removeprefix(SUBSCRIPTION)
        if name not in self._by_name:
            # Another worker may have a newer file; `register` is who takes it off.
            self._f.agenda.put_off(SUBSCRIPTION + name, ERROR_SECONDS)
            return PollResult(why=f"There is no subscription {name!r}.")
        try:
            followed = self._find(name)
        except (InvalidInput, NotFound) as error:
            log.error(
                "A subscription cannot be followed", extra=fields("events.unusable", subscription=name, why=str(error))
            )
            self._f.agenda.put_off(SUBSCRIPTION + name, ERROR_SECONDS)
            return PollResult(why=str(error))
        turn = self._f.events.take(name, followed.fingerprint)
        if turn is None:
            return PollResult(is_taken=True)
        return self._take(followed, turn, time.monotonic() + seconds)

    def state(self) -> list[SubscriptionState]:
        """Return how far each subscription has come."""
        found, usable = {}, []
        for name, one in self._by_name.items():
            try:
                usable.append((name, self._find(name).fingerprint))
            except (InvalidInput, NotFound) as error:
                found[name] = _state(one, PollSession(name, "", "", 0, why=str(error)))
        for turn in self._f.events.states(usable):
            found[turn.name] = _state(self._by_name[turn.name], turn)
        return [found[name] for name in self._by_name]

    def followed(self, name: str) -> EventFilter:
        """Return what a subscription follows; raises `NotFound` and `InvalidInput`."""
        if name not in self._by_name:
            known = ", ".join(self._by_name) or "none"
            raise NotFound(f"There is no subscription {name[:60]!r}. Known: {known}.")
        return self._find(name)

    # One turn

    def _take(self, followed: EventFilter, turn: PollSession, until: float) -> PollResult:
        name, before = followed.subscription.name, (turn.handed, turn.removed)
        dispatcher = self._f.plugins.dispatcher("chain_event")
        handing = EventDelivery(self._f.events, self._f.posts, dispatcher, self._f.stopping, until)
        try:
            with self._beating(turn):
                turn.why = ""
                has_more = EventPoller(self._f.client(), followed, turn, handing, RangeSize(turn.range)).go()
                turn.fails = 0
                wait = 0.0 if has_more else HEAD_SECONDS
        except Fenced:
            log.warning("Another worker has taken over", extra=fields("events.fenced", subscription=name))
            return PollResult(is_taken=True)
        except StoreUnavailable:
            # What was written last is not known, so nothing more is: whoever comes next takes the event as in doubt.
            raise
        except (CeosError, ChainMoved) as error:
            has_more, wait = False, self._note_failure(turn, error)
        except BaseException:
            # Wherever that was: an event that was begun is in doubt.
            with suppress(StoreUnavailable):
                self._f.events.release(turn)
            raise
        finally:
            dispatcher.save_counts()
        self._f.events.keep(turn, leave=True)
        self._f.agenda.put_off(SUBSCRIPTION + name, wait)
        handed, removed = turn.handed - before[0], turn.removed - before[1]
        if handed or removed:
            extra = fields("events.handed", subscription=name, handed=handed, removed=removed, next=turn.next)
            log.info("Events handed over", extra=extra)
        return PollResult(handed=handed, removed=removed, has_more=has_more, why=turn.why)

    def _note_failure(self, turn: PollSession, error: Exception) -> float:
        """Note why a turn ended, and return how long the next one waits, in seconds."""
        turn.why = str(error)
        turn.fails = turn.fails + 1
        wait = MOVED_SECONDS if isinstance(error, ChainMoved) else min(ERROR_SECONDS, 2.0 ** min(turn.fails, 10))
        extra = fields("events.waiting", subscription=turn.name, why=turn.why, seconds=wait)
        # A block that has just gone is nothing to wake anybody for, unless it goes on.
        level = logging.INFO if isinstance(error, ChainMoved) and turn.fails < 10 else logging.WARNING
        log.log(level, "A subscription waits", extra=extra)
        return wait

    @contextmanager
    def _beating(self, turn: PollSession) -> Iterator[None]:
        """Keep the turn while a plugin or a node takes its time."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(self._f.events.beat_seconds):
                with suppress(StoreUnavailable):
                    self._f.events.renew(turn)

        thread = threading.Thread(target=beat, name=f"turn-{turn.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    # What is followed

    def _find(self, name: str) -> EventFilter:
        if name not in self._followed:
            followed = self._look_up(self._by_name[name])
            if self._f.events.note(name, followed.fingerprint):
                extra = fields("events.changed", subscription=name)
                log.warning("A subscription follows something else now and begins anew", extra=extra)
            self._followed[name] = followed
        return self._followed[name]

    def _look_up(self, subscription: Subscription) -> EventFilter:
        contract = self._f.contracts.find(subscription.contract)
        if contract.abi is None and "(" not in subscription.event:
            raise InvalidInput(
                f"Nothing is known of {contract.name} but its address: write the event of subscription "
                f'{subscription.name!r} out, such as "Ping(address indexed who, uint256 n)".'
            )
        found = contract.event(subscription.event)
        topics = found.topics(subscription.filter)
        what = [self._f.chain_id, contract.address, found.signature, topics, subscription.from_block]
        return EventFilter(
            subscription=subscription,
            address=contract.address,
            event=found,
            topics=tuple(topics),
            fingerprint=hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12],
        )


def _state(subscription: Subscription, turn: PollSession) -> SubscriptionState:
    lag = None
    if turn.head is not None and turn.next is not None:
        lag = max(0, turn.head - subscription.confirmations - turn.next + 1)
    return SubscriptionState(
        name=subscription.name,
        contract=subscription.contract,
        event=subscription.event,
        next=turn.next,
        head=turn.head,
        lag=lag,
        handed=turn.handed,
        removed=turn.removed,
        odd=turn.odd,
        range=turn.range,
        is_held=turn.is_held,
        why=turn.why,
    )
