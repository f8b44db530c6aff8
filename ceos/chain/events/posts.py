"""The runs of posts about events: opened once for each event and agent, and withdrawn after a re-org."""

from __future__ import annotations

import logging

from ceos.chain.events.source import REMOVED
from ceos.chain.events.store import EventStore, event_digest
from ceos.clock import Clock
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.schedule import is_quiet
from ceos.errors import InvalidInput, NotFound
from ceos.logs import event as fields
from ceos.runs.ids import RunId
from ceos.runs.ledger import Ledger
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database

log = logging.getLogger(__name__)


class EventPosts:
    """Opens and withdraws the runs of posts about events."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._agents = AgentStore(database)
        self._events = EventStore(database)
        self._ledger = ledger
        self._clock = clock

    # Runs

    def open_runs(self, subscription: Subscription, event: ChainEvent) -> list[str]:
        """Open a run for each of the subscription's agents; return those that were opened.

        Agents in their quiet hours are left out. An event of two subscriptions is one run of an agent.
        """
        opened = []
        if not subscription.posts_per_day:
            return []
        at = int(self._clock.now().timestamp() * 1000)
        for agent_id in subscription.agents:
            if self._is_quiet(agent_id, at):
                continue
            run = RunId.chain_event(agent_id, subscription.name, event_digest(event), at)
            if self._events.open_event_run(run, subscription, event, at_ms=at):
                opened.append(str(run))
                log.info(
                    "Event taken up",
                    extra=fields("event.taken", agent=agent_id, draft=str(run), chain_event=event.id),
                )
        return opened

    def _is_quiet(self, agent_id: str, at: int) -> bool:
        try:
            return is_quiet(self._agents.agent(agent_id).schedule, at)
        except NotFound:
            return True

    def withdraw_event(self, event: ChainEvent) -> None:
        """Keep posts about a removed event from being published; a draft that waits for review is rejected.

        The agents are those that were asked, because the subscription may name others by now.
        """
        for agent_id, slot in self._events.asked_agents(event).items():
            run = str(RunId(agent_id, slot))
            self._events.update_event_of_run(run, event)
            try:
                self._ledger.decide(run, "reject", REMOVED)
            except (InvalidInput, NotFound):
                continue  # the run has ended, or the pipeline finds the removal in its next stage
            log.info("Draft about a removed event rejected", extra=fields("event.withdrawn", draft=run))

    def event_of_run(self, run: str) -> ChainEvent | None:
        """Return the event that a run is about, or None for a run of another kind."""
        return self._events.event_of_run(run)
