"""The source of posts about events on chain.

Any account may put any text into an event. So the model reads it as data, and the post must neither repeat it nor
contain the links, accounts and names in it.
"""

from __future__ import annotations

import logging
from typing import Any

from ceos.chain.events.store import EventStore
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.chain_event import ChainEvent
from ceos.domain.lifecycle import RunStatus
from ceos.domain.topics import shown
from ceos.domain.untrusted import as_data, strings_in
from ceos.errors import NotFound, PluginError
from ceos.logs import event as fields
from ceos.plugins.calls import call_strategy
from ceos.plugins.manager import Plugins
from ceos.posts.assignment import Assignment, UntrustedContext
from ceos.posts.prompt import fill
from ceos.posts.source import RunEnd, RunSource, stays_quiet, unwritable
from ceos.runs.ids import RunKind
from ceos.runs.lease import Lease

log = logging.getLogger(__name__)

#: How many arguments, and how many items of a list, a model gets.
MAX_ITEMS = 20
#: How many characters of a string a post is compared with.
MAX_COMPARED = 2_000
#: Why a post about an event that a re-org has removed is not published.
REMOVED = "the event did not happen: a re-org has removed its block"


class EventSource(RunSource):
    """Posts about events that agents follow."""

    kinds = (RunKind.CHAIN_EVENT,)

    def __init__(self, events: EventStore, plugins: Plugins, clock: Clock) -> None:
        super().__init__(clock)
        self._events = events
        self._plugins = plugins

    def assignment(self, lease: Lease, agent: Agent, recent: tuple[str, ...]) -> Assignment | RunEnd:
        """Return the strategy's brief with the event as data, or the end of a run that the strategy skips.

        Raises `NotFound` when the event is no longer stored, and `PluginError`.
        """
        event = self._events.event_of_run(lease.run_id)
        if event is None:
            raise NotFound(f"The event of the run {lease.run_id!r} is no longer stored.")
        situation = self._situation(agent, lease.slot, recent)
        strategy = self._plugins.strategy(agent.strategy)
        brief = call_strategy(strategy.name, lambda: strategy.brief_event(agent, situation, event))
        if brief is None:
            self._events.record_skipped(lease.id, event)
            return stays_quiet(agent)
        return Assignment(brief.model_copy(update={"sources": ()}), _context(event))

    def withdrawn(self, lease: Lease) -> str:
        """Return the reason why the event did not happen after all, or nothing."""
        event = self._events.event_of_run(lease.run_id)
        return REMOVED if event is not None and event.removed else ""

    def end_after(self, lease: Lease, error: Exception) -> RunEnd | None:
        """End a run quietly whose event kept a post from being written or made a strategy fail."""
        if isinstance(error, PluginError):
            # The author of an event decides what is in it, and so what a strategy fails at.
            log.error(
                "A strategy failed at an event", exc_info=error, extra=fields("run.error", stage=str(lease.stage))
            )
            return RunEnd(RunStatus.MISSED, str(error))
        return unwritable("event", lease, error)


def _context(event: ChainEvent) -> UntrustedContext:
    arguments = {name: _safe_argument(value) for name, value in list(event.args.items())[:MAX_ITEMS]}
    texts = tuple(text[:MAX_COMPARED] for text in strings_in(event.args))
    data = as_data({"event": event.name, "arguments": arguments})
    message = fill("chain_event", event=f"<event>\n{data}\n</event>")
    return UntrustedContext(message, texts)


def _safe_argument(value: Any) -> Any:
    """Return an argument for a model: without links and addresses, and of limited length."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, list):
        return [_safe_argument(one) for one in value[:MAX_ITEMS]]
    if isinstance(value, dict):
        return {name: _safe_argument(one) for name, one in list(value.items())[:MAX_ITEMS]}
    return shown(str(value))
