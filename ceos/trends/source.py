"""The source of posts about trends."""

from __future__ import annotations

from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.untrusted import as_data
from ceos.errors import NotFound
from ceos.plugins.calls import call_strategy
from ceos.plugins.manager import Plugins
from ceos.posts.assignment import Assignment, UntrustedContext
from ceos.posts.prompt import fill
from ceos.posts.source import RunEnd, RunSource, stays_quiet, unwritable
from ceos.runs.ids import RunKind
from ceos.runs.lease import Lease
from ceos.strategy import Strategy
from ceos.trends.store import TrendStore

#: The strategy that writes about trends for agents whose own does not.
DEFAULT_STRATEGY = "trending"


class TrendSource(RunSource):
    """Posts about trends that agents have taken up."""

    kinds = (RunKind.TREND,)

    def __init__(self, trends: TrendStore, plugins: Plugins, clock: Clock) -> None:
        super().__init__(clock)
        self._trends = trends
        self._plugins = plugins

    def assignment(self, lease: Lease, agent: Agent, recent: tuple[str, ...]) -> Assignment | RunEnd:
        """Return the strategy's brief with the casts that it names, or the end of a run that the strategy skips.

        Raises `NotFound` when the trend is no longer stored, and `PluginError`.
        """
        claimed = self._trends.claimed_trend(lease.run_id)
        if claimed is None:
            raise NotFound(f"The trend of the run {lease.run_id!r} is no longer stored.")
        trend, situation = claimed.trend, self._situation(agent, lease.slot, recent)
        strategy = self._strategy(agent)
        brief = call_strategy(strategy.name, lambda: strategy.brief_trend(agent, situation, trend))
        if brief is None:
            return stays_quiet(agent)
        casts = [cast for cast in trend.casts if cast.hash in brief.sources]
        text = "\n".join(
            f'<cast number="{number}">\n{as_data(cast.text)}\n</cast>' for number, cast in enumerate(casts, 1)
        )

        others = tuple(cast.text for cast in trend.casts)
        # A strategy may name casts of its own as sources; only those of the trend count.
        brief = brief.model_copy(update={"sources": tuple(cast.hash for cast in casts)})
        return Assignment(brief, UntrustedContext(fill("trend_casts", casts=text), others))

    def end_after(self, lease: Lease, error: Exception) -> RunEnd | None:
        """End a run quietly whose trend kept a post from being written."""
        return unwritable("trend", lease, error)

    def _strategy(self, agent: Agent) -> Strategy:
        own = self._plugins.strategy(agent.strategy)
        has_trends = type(own).brief_trend is not Strategy.brief_trend
        return own if has_trends else self._plugins.strategy(DEFAULT_STRATEGY)
