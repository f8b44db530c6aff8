"""The scheduler: it moves agents from slot to slot, opens their runs, and sends messages for everything that is due.

Any number of schedulers may run at once, in worker processes and on their own. Each step is a compare-and-set, so
exactly one of them succeeds and no leader is needed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from ceos.clock import Clock
from ceos.domain.agent import Transition
from ceos.domain.lifecycle import Stage
from ceos.domain.schedule import plan
from ceos.errors import InvalidInput, NotFound, StoreUnavailable
from ceos.logs import event
from ceos.metrics.store import MetricsStore
from ceos.plugins.manager import Plugins
from ceos.runs.ids import RunId, slot_moment
from ceos.runs.ledger import Fire, Ledger
from ceos.storage.agents import AgentStore
from ceos.storage.due import due_work
from ceos.storage.ops import OpsStore
from ceos.trends.store import TrendStore

log = logging.getLogger(__name__)

#: Seconds between two ticks.
TICK_SECONDS = 0.5
#: How many agents are fired in one step; a larger step would block Redis for more than 10 ms.
BATCH = 200
#: No messages are sent for runs while this many wait: the queue stays short, and runs that wait in Redis cost nothing.
HIGH_WATER = 2_000
#: How long changes of state are kept for the plugins of a process after its last request, in seconds.
LISTEN_SECONDS = 60
#: The interval at which a scheduler checks whether the accounts of this hour were counted, in seconds.
COUNT_SECONDS = 60
#: The delay after which another worker gets a task on chain, unless its worker sets a time, in seconds.
CHAIN_SECONDS = 30
#: How many changes of state are fetched at once.
MAX_CHANGES = 100
#: How long a tick notifies plugins of changes of state, in seconds; the rest waits, so that slow plugins delay no slot.
REPORT_SECONDS = 0.2

#: Sends a message for each (run, stage).
Send = Callable[[Sequence[tuple[str, Stage]]], None]


class Scheduler:
    """One scheduler; `run` ticks until it is stopped, `tick` processes everything that is due."""

    def __init__(
        self,
        agents: AgentStore,
        ledger: Ledger,
        clock: Clock,
        send: Send,
        backlog: Callable[[], int] = lambda: 0,
        *,
        plugins: Plugins | None = None,
        claim_count: Callable[[int], bool] | None = None,
        poll_seconds: float = 300.0,
    ) -> None:
        self._database = agents.database
        self._agents = agents
        self._ops = OpsStore(self._database)
        self._metrics = MetricsStore(self._database)
        self._trends = TrendStore(self._database)
        self._ledger = ledger
        self._clock = clock
        self._send = send
        self._backlog = backlog
        self._plugins = plugins if plugins and plugins.listens("agent_state_changed") else None
        self._poll_ms = max(1000, int(poll_seconds * 1000 / clock.speed))
        self._listen_again = 0.0
        self._claim_count = claim_count
        #: The hour whose count was requested last, and the time of the next check.
        self._count_hour, self._count_again = -1, 0.0
        #: Changes of state that were fetched and of which the plugins are not notified yet.
        self._unreported: deque[tuple[str, Transition]] = deque()

    def run(self, stop: threading.Event) -> None:
        """Tick twice a second until `stop` is set; outages and unexpected errors are logged and do not end the loop."""
        while not stop.is_set():
            started = time.monotonic()
            try:
                more = self.tick()
            except StoreUnavailable as error:
                log.warning("The scheduler cannot reach Redis", extra=event("scheduler.waiting", error=str(error)))
                more = False
            except Exception:
                # A dead scheduler would stop every agent; the next tick starts again from the state in Redis.
                log.exception("The scheduler met an unexpected error", extra=event("scheduler.error"))
                more = False
            if not more:
                stop.wait(max(0.0, TICK_SECONDS - (time.monotonic() - started)))

    def tick(self) -> bool:
        """Fire due agents and send messages for due work; return whether more is due at once."""
        now_ms = self._clock.now_ms()
        due = due_work(self._database, now_ms, BATCH, changes=self._listen())
        self._unreported.extend(due.changes)
        if due.agents:
            self.fire(due.agents, now_ms)
        calls = []
        needs_room = due.agents or due.has_open or due.has_polls or due.has_chain
        room = HIGH_WATER - self._backlog() if needs_room else 0
        if (due.agents or due.has_open) and room > 0:
            calls = self._ledger.claim_due_runs(min(500, room))
        if due.has_measurements:
            calls += [(run, Stage.MEASURE) for run in self._metrics.due_measurements()]
        if due.has_polls and room > 0:
            calls += [
                (agent_id, Stage.LISTEN) for agent_id in self._database.run_script("due_polls", BATCH, self._poll_ms)
            ]
        if due.has_trends and self._trends.claim_refresh():
            calls.append(("-", Stage.TRENDS))
        if due.has_chain and room > 0:
            calls += [
                (name, Stage.CHAIN) for name in self._database.run_script("chain_due", BATCH, CHAIN_SECONDS * 1000)
            ]
        if self._is_count_due(now_ms // 3_600_000):
            calls.append(("-", Stage.COUNT))
        if calls:
            self._send(calls)
        for run in due.expired_reviews:
            self._expire(run)
        self._report()
        return len(due.agents) >= BATCH or len(due.changes) >= MAX_CHANGES or bool(self._unreported)

    def fire(self, agents: Sequence[tuple[str, int, str]], now_ms: int) -> list[str]:
        """Open the runs of due agents, given as (id, stored slot, revision); return those that this call opened."""
        items = []
        self._agents.cache_agents((agent_id, revision) for agent_id, _, revision in agents)
        for agent_id, slot, revision in agents:
            try:
                schedule = self._agents.agent(agent_id, revision).schedule
            except NotFound:
                continue
            firing = plan(agent_id, schedule, slot, now_ms)
            items.append(
                Fire(agent_id, slot, firing.next_slot, firing.next_fire, firing.open, firing.missed, firing.skipped)
            )
        opened = self._ledger.fire_slots(items)
        for run in opened:
            log.info("Slot fired", extra=event("slot.fired", agent=RunId.parse(run).agent_id, draft=run))
        for item in items:
            if item.missed or item.unlisted:
                self._log_missed(item)
        return opened

    def _is_count_due(self, hour: int) -> bool:
        """Claim the count of the accounts in this hour; return whether this scheduler has it. Redis is asked rarely."""
        if self._claim_count is None or (hour == self._count_hour and time.monotonic() < self._count_again):
            return False
        self._count_hour, self._count_again = hour, time.monotonic() + COUNT_SECONDS
        return self._claim_count(hour)

    def _listen(self) -> int:
        """Have changes of state kept for the plugins, and return how many to fetch."""
        if self._plugins is None:
            return 0
        if time.monotonic() >= self._listen_again:
            self._ops.keep_changes(LISTEN_SECONDS)
            self._listen_again = time.monotonic() + LISTEN_SECONDS / 3
        return 0 if self._unreported else MAX_CHANGES

    def _report(self) -> None:
        """Notify the plugins of agents that have changed their state."""
        started = time.monotonic()
        while self._plugins and self._unreported and time.monotonic() - started < REPORT_SECONDS:
            agent_id, change = self._unreported[0]
            try:
                agent = self._agents.agent(agent_id)
            except NotFound:
                agent = None  # removed in the meantime
            self._unreported.popleft()
            if agent:
                self._plugins.notify(
                    "agent_state_changed", agent=agent, old=change.old, new=change.new, reason=change.reason
                )

    def _log_missed(self, item: Fire) -> None:
        last = slot_moment(str(item.missed[-1][0])) if item.missed else None
        log.warning(
            "Slots were missed",
            extra=event(
                "slot.missed",
                agent=item.agent_id,
                count=len(item.missed) + item.unlisted,
                last=last.isoformat() if last else "",
                reason=item.missed[-1][1] if item.missed else "",
            ),
        )

    def _expire(self, run: str) -> None:
        try:
            self._ledger.decide(run, "expire", "it was not approved in time")
        except (InvalidInput, NotFound):
            return  # it was approved or rejected in the meantime
        log.warning("A parked draft expired", extra=event("draft.expired", draft=run))
