"""The table of run sources, and the source of posts by schedule or by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Brief, Kind
from ceos.plugins.calls import call_strategy
from ceos.plugins.manager import Plugins
from ceos.posts.assignment import Assignment
from ceos.posts.source import RunEnd, RunSource, stays_quiet
from ceos.runs.ids import RunKind
from ceos.runs.lease import Lease

#: Returns the learned shares of the kinds for an agent, a slot and the strategy's own shares, or None.
Weights = Callable[[Agent, str, Mapping[Kind, int]], Mapping[Kind, float] | None]


class ScheduleSource(RunSource):
    """Posts of the schedule, and those that an operator asks for: the agent's strategy gives the brief."""

    kinds = (RunKind.SCHEDULE, RunKind.MANUAL)

    def __init__(self, plugins: Plugins, clock: Clock, weights: Weights) -> None:
        super().__init__(clock)
        self._plugins = plugins
        self._weights = weights

    def assignment(self, lease: Lease, agent: Agent, recent: tuple[str, ...]) -> Assignment | RunEnd:
        """Return the strategy's brief, or the end of a run for which it chooses to stay quiet."""
        brief = self.brief(agent, lease.slot, lease.kind, recent)
        return Assignment(brief) if brief else stays_quiet(agent)

    def brief(self, agent: Agent, slot: str, kind: Kind | None, recent: tuple[str, ...] = ()) -> Brief | None:
        """Return the brief of the agent's strategy for a slot, or None when the strategy stays quiet."""
        strategy = self._plugins.strategy(agent.strategy)
        weights = self._weights(agent, slot, strategy.shares)
        situation = self._situation(agent, slot, recent, kind=kind, weights=weights)
        return call_strategy(agent.strategy, lambda: strategy.brief_post(agent, situation))


class RunSources:
    """The registered sources by the kind of their runs."""

    def __init__(self, sources: Iterable[RunSource]) -> None:
        self._by_kind = {kind: source for source in sources for kind in source.kinds}

    def source_of(self, lease: Lease) -> RunSource:
        """Return the source of a run."""
        return self._by_kind[lease.id.kind]
