"""Posts about events: asked for once of each event and agent, written by the agent's strategy, and withdrawn in time.

What stands in an event is a stranger's: anybody may register under any name. So it is shown to the model as data, and
the post passes two gates: that of trends, for no link, address, ticker or name of theirs goes out as the agent's; and
that of answers, for an event, unlike a trend, is the word of a single stranger, who may try to give the agent orders.
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ceos.chain.events.cursor import short_json
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.posts import Brief, Situation
from ceos.domain.schedule import is_quiet
from ceos.domain.topics import shown
from ceos.domain.untrusted import as_data
from ceos.errors import InvalidInput, NotFound
from ceos.guardrails import reply as reply_gate
from ceos.guardrails import trend as trend_gate
from ceos.logs import event as fields
from ceos.plugins.calls import call_strategy
from ceos.plugins.manager import Plugins
from ceos.posts.prompt import fill, in_character
from ceos.posts.writer import Given
from ceos.runs.ids import RunId, slot_moment
from ceos.runs.ledger import Ledger
from ceos.storage.connection import redis_errors
from ceos.storage.store import Store

log = logging.getLogger(__name__)

#: How long it is remembered that an agent was asked about an event, in seconds.
TAKEN_SECONDS = 31 * 86_400
#: About how many events of a subscription an agent is asked in a day at most, those that it lets pass included.
ASKED = 200
#: How many arguments, and how many items of a list, are shown to a model.
SHOWN = 20
#: How much of a text a post is compared with.
LONGEST = 2_000
#: Why a post about an event that a re-org has removed is not published.
REMOVED = "the event did not happen: a re-org has removed its block"


@dataclass(frozen=True)
class Words:
    """A text that stands in an event."""

    text: str


@dataclass(frozen=True)
class Assignment:
    """What an agent is to write about an event, and the strangers' words that belong to it."""

    brief: Brief
    given: Given


class EventPosts:
    """Sees to it that agents post about what happens on chain, once, and not about what did not happen."""

    def __init__(self, store: Store, ledger: Ledger, plugins: Plugins, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._plugins = plugins
        self._clock = clock

    # Asking for posts

    def open(self, subscription: Subscription, event: ChainEvent) -> list[str]:
        """Ask the subscription's agents for a post, each of them once; return the runs that were opened.

        Agents in their quiet hours let it pass. Of an event that two subscriptions follow an agent hears once.
        """
        opened = []
        if not subscription.posts_per_day:
            return []
        at = int(self._clock.now().timestamp() * 1000)
        for agent_id in subscription.agents:
            if self._is_quiet(agent_id, at):
                continue
            run = RunId.chain_event(agent_id, subscription.name, _short(event), at)
            answer = self._store.run_script(
                "event_open", agent_id, subscription.name, _short(event), run.slot, at // 86_400_000,
                subscription.posts_per_day, ASKED, TAKEN_SECONDS, short_json(event),
            )  # fmt: skip
            if answer == "opened":
                opened.append(str(run))
                log.info(
                    "Event taken up",
                    extra=fields("event.taken", agent=agent_id, draft=str(run), chain_event=event.id),
                )
        return opened

    def _is_quiet(self, agent_id: str, at: int) -> bool:
        try:
            return is_quiet(self._store.agent(agent_id).schedule, at)
        except NotFound:
            return True

    def withdraw(self, event: ChainEvent) -> None:
        """Keep posts about a removed event from being published; a draft that waits for review is rejected.

        It goes by who was asked, for the subscription may name other agents by now.
        """
        with redis_errors():
            asked = cast("dict[str, str]", self._store.client.hgetall(f"ceos:event:taken:{_short(event)}"))
        for agent_id, slot in asked.items():
            run = str(RunId(agent_id, slot))
            with redis_errors():
                self._store.client.set(f"ceos:event:{run}", short_json(event), xx=True, keepttl=True)
            try:
                self._ledger.judge(run, "reject", REMOVED)
            except (InvalidInput, NotFound):
                continue  # it is on its way and learns of it there, or it has ended
            log.info("Draft about a removed event rejected", extra=fields("event.withdrawn", draft=run))

    def removed(self, run: str) -> str:
        """Say why a post about an event is not made any more, or nothing."""
        event = self.taken(run)
        return REMOVED if event is not None and event.removed else ""

    # Writing

    def assignment(self, agent: Agent, run: str, slot: str, recent: tuple[str, ...]) -> Assignment | None:
        """Return what an agent is to write in a run about an event, or None when its strategy lets that pass.

        Raises `NotFound` when it is not known any more what the run takes up, and `PluginError`.
        """
        event = self.taken(run)
        if event is None:
            raise NotFound(f"The event that {run!r} takes up is not known any more.")
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
            self._let_pass(RunId(agent.id, slot), event)
            return None
        told = {name: _told(value) for name, value in list(event.args.items())[:SHOWN]}
        texts = [text[:LONGEST] for text in _texts(event.args)]
        system_prompt = in_character("system", agent)

        def objections(parts: Sequence[str]) -> list[str]:
            found = trend_gate.objections(parts, agent=agent, casts=[Words(text) for text in texts])
            for part in parts:
                found += reply_gate.post_objections(part, agent=agent, told=texts, system_prompt=system_prompt)
            return list(dict.fromkeys(found))

        words = fill("chain_event", event=f"<event>\n{as_data({'event': event.name, 'arguments': told})}\n</event>")
        return Assignment(brief.model_copy(update={"sources": ()}), Given(words, objections))

    def _let_pass(self, run: RunId, event: ChainEvent) -> None:
        """Give back the place in the agent's day: there is no post about this event."""
        at = int(run.moment.timestamp()) if run.moment else 0
        passed = f"ceos:event:day:{run.agent_id}:{event.subscription}:{at // 86_400}:passed"
        with redis_errors():
            pipe = self._store.client.pipeline()
            pipe.sadd(passed, _short(event))
            pipe.expire(passed, 172_800)
            pipe.execute()

    def taken(self, run: str) -> ChainEvent | None:
        """Return the event that a run takes up, or None for a run of another sort."""
        with redis_errors():
            found = cast("str | None", self._store.client.get(f"ceos:event:{run}"))
        return ChainEvent.model_validate_json(found) if found else None


def _short(event: ChainEvent) -> str:
    """Return 16 hex digits that stand for an event in the id of a run."""
    return hashlib.sha256(event.id.encode()).hexdigest()[:16]


def _told(value: Any) -> Any:
    """Return an argument as a model is shown it: without links and addresses, and not too much of it."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, list):
        return [_told(one) for one in value[:SHOWN]]
    if isinstance(value, dict):
        return {name: _told(one) for name, one in list(value.items())[:SHOWN]}
    return shown(str(value))


def _texts(value: Any) -> list[str]:
    """Return every text among the arguments of an event."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in _texts(one)] if isinstance(value, list) else []
