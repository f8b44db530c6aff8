"""Posts about events: opened once for each event and agent, written by the agent's strategy, withdrawn after a re-org.

Everything in an event is untrusted text: anyone can register under any name. The model gets it as data, and the post
passes two guardrails. The one of trends keeps links, addresses, tickers and names out of the agent's words; the one of
replies is added because an event, unlike a trend, is written by a single third party who may try to give orders.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ceos.chain.events.store import EventStore, event_digest
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.posts import Brief, Situation
from ceos.domain.schedule import is_quiet
from ceos.domain.topics import shown
from ceos.domain.untrusted import as_data
from ceos.errors import InvalidInput, NotFound
from ceos.guardrails.reply import event_post_violations
from ceos.guardrails.trend import trend_violations
from ceos.logs import event as fields
from ceos.plugins.calls import call_strategy
from ceos.plugins.manager import Plugins
from ceos.posts.prompt import fill, in_character
from ceos.posts.writer import Given
from ceos.runs.ids import RunId, slot_moment
from ceos.runs.ledger import Ledger
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database

log = logging.getLogger(__name__)

#: How many arguments, and how many items of a list, a model gets.
MAX_ITEMS = 20
#: How many characters of a string a post is compared with.
MAX_COMPARED = 2_000
#: Why a post about an event that a re-org has removed is not published.
REMOVED = "the event did not happen: a re-org has removed its block"


@dataclass(frozen=True)
class EventText:
    """A string of an event, in the form in which the guardrail of trends takes casts."""

    text: str


@dataclass(frozen=True)
class Assignment:
    """The brief of a post about an event, and its untrusted context."""

    brief: Brief
    given: Given


class EventPosts:
    """Opens, writes and withdraws posts about events."""

    def __init__(self, database: Database, ledger: Ledger, plugins: Plugins, clock: Clock) -> None:
        self._agents = AgentStore(database)
        self._events = EventStore(database)
        self._ledger = ledger
        self._plugins = plugins
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

    def removed(self, run: str) -> str:
        """Return why a post about an event must not be published, or nothing."""
        event = self.event_of_run(run)
        return REMOVED if event is not None and event.removed else ""

    # Writing

    def assignment(self, agent: Agent, run: str, slot: str, recent: tuple[str, ...]) -> Assignment | None:
        """Return the assignment of a run about an event, or None when the agent's strategy skips the event.

        Raises `NotFound` when the event is no longer stored, and `PluginError`.
        """
        event = self.event_of_run(run)
        if event is None:
            raise NotFound(f"The event of the run {run!r} is no longer stored.")
        situation = Situation(
            slot=slot,
            now=slot_moment(slot) or self._clock.now(),
            topics=agent.persona.topics,
            recent=recent,
            random=random.Random(f"{agent.id}|{slot}"),  # noqa: S311  # the same slot must draw the same numbers
        )
        strategy = self._plugins.strategy(agent.strategy)
        brief = call_strategy(strategy.name, lambda: strategy.brief_event(agent, situation, event))
        if brief is None:
            self._events.record_skipped(RunId(agent.id, slot), event)
            return None
        arguments = {name: _safe_argument(value) for name, value in list(event.args.items())[:MAX_ITEMS]}
        texts = [text[:MAX_COMPARED] for text in _strings(event.args)]
        system_prompt = in_character("system", agent)

        def objections(parts: Sequence[str]) -> list[str]:
            found = trend_violations(parts, agent=agent, casts=[EventText(text) for text in texts])
            for part in parts:
                found += event_post_violations(part, agent=agent, untrusted=texts, system_prompt=system_prompt)
            return list(dict.fromkeys(found))

        data = as_data({"event": event.name, "arguments": arguments})
        words = fill("chain_event", event=f"<event>\n{data}\n</event>")
        return Assignment(brief.model_copy(update={"sources": ()}), Given(words, objections))


def _safe_argument(value: Any) -> Any:
    """Return an argument for a model: without links and addresses, and of limited length."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, list):
        return [_safe_argument(one) for one in value[:MAX_ITEMS]]
    if isinstance(value, dict):
        return {name: _safe_argument(one) for name, one in list(value.items())[:MAX_ITEMS]}
    return shown(str(value))


def _strings(value: Any) -> list[str]:
    """Return every string among the arguments of an event."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in _strings(one)] if isinstance(value, list) else []
