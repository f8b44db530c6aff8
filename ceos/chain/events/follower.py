"""Following contract events: each is delivered once to plugins and posts, despite crashes and re-orgs.

There is no queue between the chain and the plugins: the chain is the queue, and `store.py` keeps the position in it. A
worker claims a session at a subscription, polls, and releases the session.
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

from pydantic import Field

from ceos.chain.config.contracts import Contracts
from ceos.chain.due_queue import DueQueue
from ceos.chain.events.cursor import PollSession
from ceos.chain.events.poll import ChainMoved, EventDelivery, EventFilter, EventPoller
from ceos.chain.events.posts import EventPosts
from ceos.chain.events.store import EventStore
from ceos.domain.base import Frozen
from ceos.domain.chain_event import Subscription
from ceos.errors import CeosError, InvalidInput, NotFound, StaleLease, StoreUnavailable
from ceos.evm.client import EvmClient
from ceos.logs import event as fields
from ceos.plugins.manager import Plugins

log = logging.getLogger(__name__)

#: The prefix of subscriptions in the queue of due tasks; the name follows.
SUBSCRIPTION = "sub/"
#: The longest time that one poll takes, in seconds; shorter than `scheduler.CHAIN_SECONDS`.
MAX_POLL_SECONDS = 20.0
#: The wait before the next poll at the head of the chain and after a change of the chain, and the longest one after
#: errors, in seconds.
HEAD_SECONDS, MOVED_SECONDS, MAX_ERROR_SECONDS = 2.0, 1.0, 60.0


@dataclass(frozen=True)
class FollowerDeps:
    """The collaborators of a `Follower`."""

    client: Callable[[], EvmClient]
    chain_id: int
    contracts: Contracts
    subscriptions: Sequence[Subscription]
    events: EventStore
    posts: EventPosts
    plugins: Plugins
    due_queue: DueQueue
    stopping: threading.Event


class PollResult(Frozen):
    """The result of one poll."""

    delivered: int = 0
    removed: int = 0
    #: Whether there is more to read at once.
    has_more: bool = False
    #: Whether another worker has the session.
    is_leased: bool = False
    #: Why the subscription makes no progress, as a sentence.
    reason: str = ""


class SubscriptionState(Frozen):
    """The progress of a subscription; `--json` shows it under the aliases."""

    name: str
    contract: str
    event: str
    #: The next block to read and the newest that was seen; None before the first poll.
    next_block: int | None = Field(serialization_alias="next")
    head: int | None
    #: The number of confirmed blocks that are not read yet.
    lag: int | None
    delivered: int = Field(serialization_alias="handed")
    removed: int
    #: The number of logs that were left out because they do not fit the event whose topic they carry.
    malformed: int = Field(serialization_alias="odd")
    #: How many blocks are requested from a node at once.
    range_blocks: int = Field(serialization_alias="range")
    #: Whether a worker has a session now.
    is_leased: bool = Field(serialization_alias="is_held")
    #: Why the subscription makes no progress, as a sentence.
    reason: str = Field(serialization_alias="why")


class Follower:
    """Follows the subscriptions of an operator."""

    def __init__(self, deps: FollowerDeps) -> None:
        self._deps = deps
        self._by_name = {one.name: one for one in deps.subscriptions}
        self._filters: dict[str, EventFilter] = {}

    def register(self) -> None:
        """Queue every subscription, and remove those that the operator has deleted from the queue."""
        wanted = {SUBSCRIPTION + name for name in self._by_name}
        for task in self._deps.due_queue.task_ids():
            if task.startswith(SUBSCRIPTION) and task not in wanted:
                self._deps.due_queue.remove(task)
        self.remind()

    def remind(self) -> None:
        """Queue every subscription: a host with an older file may have removed those that it does not know."""
        self._deps.due_queue.add(*sorted(SUBSCRIPTION + name for name in self._by_name))

    def poll(self, name: str, *, seconds: float = MAX_POLL_SECONDS) -> PollResult:
        """Poll a subscription once, unless another worker does, and queue the next poll."""
        name = name.removeprefix(SUBSCRIPTION)
        if name not in self._by_name:
            # Another worker may have a newer file; only `register` removes tasks.
            self._deps.due_queue.postpone(SUBSCRIPTION + name, MAX_ERROR_SECONDS)
            return PollResult(reason=f"There is no subscription {name!r}.")
        try:
            event_filter = self._filter(name)
        except (InvalidInput, NotFound) as error:
            log.error(
                "A subscription cannot be followed", extra=fields("events.unusable", subscription=name, why=str(error))
            )
            self._deps.due_queue.postpone(SUBSCRIPTION + name, MAX_ERROR_SECONDS)
            return PollResult(reason=str(error))
        session = self._deps.events.claim_session(name, event_filter.fingerprint)
        if session is None:
            return PollResult(is_leased=True)
        return self._poll_session(event_filter, session, time.monotonic() + seconds)

    def state(self) -> list[SubscriptionState]:
        """Return the progress of each subscription."""
        found, usable = {}, []
        for name, one in self._by_name.items():
            try:
                usable.append((name, self._filter(name).fingerprint))
            except (InvalidInput, NotFound) as error:
                found[name] = _state(one, PollSession(name, "", "", 0, reason=str(error)))
        for session in self._deps.events.sessions(usable):
            found[session.name] = _state(self._by_name[session.name], session)
        return [found[name] for name in self._by_name]

    def event_filter(self, name: str) -> EventFilter:
        """Return the filter of a subscription; raises `NotFound` and `InvalidInput`."""
        if name not in self._by_name:
            known = ", ".join(self._by_name) or "none"
            raise NotFound(f"There is no subscription {name[:60]!r}. Known: {known}.")
        return self._filter(name)

    # One poll

    def _poll_session(self, event_filter: EventFilter, session: PollSession, deadline: float) -> PollResult:
        deps, name, before = self._deps, session.name, (session.delivered, session.removed)
        dispatcher = deps.plugins.dispatcher("chain_event")
        delivery = EventDelivery(deps.events, deps.posts, dispatcher, deps.stopping, deadline)
        try:
            with self._renewing(session):
                session.reason = ""
                has_more = EventPoller(deps.client(), event_filter, session, delivery).poll()
                session.failures = 0
                wait = 0.0 if has_more else HEAD_SECONDS
        except StaleLease:
            log.warning("Another worker has taken over", extra=fields("events.fenced", subscription=name))
            return PollResult(is_leased=True)
        except StoreUnavailable:
            # The last write may be lost, so nothing is stored here: the next worker treats the event as in doubt.
            raise
        except (CeosError, ChainMoved) as error:
            has_more, wait = False, self._record_failure(session, error)
        except BaseException:
            # An event whose delivery began is in doubt, wherever the exception came from.
            with suppress(StoreUnavailable):
                deps.events.release_session(session)
            raise
        finally:
            dispatcher.save_counts()
        deps.events.save_session(session, release=True)
        deps.due_queue.postpone(SUBSCRIPTION + name, wait)
        delivered, removed = session.delivered - before[0], session.removed - before[1]
        if delivered or removed:
            extra = fields(
                "events.handed", subscription=name, handed=delivered, removed=removed, next=session.next_block
            )
            log.info("Events delivered", extra=extra)
        return PollResult(delivered=delivered, removed=removed, has_more=has_more, reason=session.reason)

    def _record_failure(self, session: PollSession, error: Exception) -> float:
        """Record why a poll ended; return the wait before the next one, in seconds."""
        session.reason = str(error)
        session.failures += 1
        has_moved = isinstance(error, ChainMoved)
        wait = MOVED_SECONDS if has_moved else min(MAX_ERROR_SECONDS, 2.0 ** min(session.failures, 10))
        extra = fields("events.waiting", subscription=session.name, why=session.reason, seconds=wait)
        # A block that was just replaced is normal, unless it happens again and again.
        log.log(
            logging.INFO if has_moved and session.failures < 10 else logging.WARNING,
            "A subscription waits",
            extra=extra,
        )
        return wait

    @contextmanager
    def _renewing(self, session: PollSession) -> Iterator[None]:
        """Renew the session while a plugin or a node takes long."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self._deps.events.renewal_seconds):
                with suppress(StoreUnavailable):
                    self._deps.events.renew_session(session)

        thread = threading.Thread(target=renew, name=f"renew-{session.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    # Filters

    def _filter(self, name: str) -> EventFilter:
        if name not in self._filters:
            found = self._resolve(self._by_name[name])
            if self._deps.events.record_fingerprint(name, found.fingerprint):
                extra = fields("events.changed", subscription=name)
                log.warning("A subscription has another filter now and begins anew", extra=extra)
            self._filters[name] = found
        return self._filters[name]

    def _resolve(self, subscription: Subscription) -> EventFilter:
        contract = self._deps.contracts.find(subscription.contract)
        if contract.abi is None and "(" not in subscription.event:
            raise InvalidInput(
                f"The ABI of {contract.name} is unknown: write the event of subscription {subscription.name!r} out, "
                'such as "Ping(address indexed who, uint256 n)".'
            )
        event = contract.event(subscription.event)
        topics = event.topics(subscription.filter)
        identity = [self._deps.chain_id, contract.address, event.signature, topics, subscription.from_block]
        return EventFilter(
            subscription=subscription,
            address=contract.address,
            event=event,
            topics=tuple(topics),
            fingerprint=hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12],
        )


def _state(subscription: Subscription, session: PollSession) -> SubscriptionState:
    lag = None
    if session.head is not None and session.next_block is not None:
        lag = max(0, session.head - subscription.confirmations - session.next_block + 1)
    return SubscriptionState(
        name=subscription.name,
        contract=subscription.contract,
        event=subscription.event,
        next_block=session.next_block,
        head=session.head,
        lag=lag,
        delivered=session.delivered,
        removed=session.removed,
        malformed=session.malformed,
        range_blocks=session.range_blocks,
        is_leased=session.is_leased,
        reason=session.reason,
    )
