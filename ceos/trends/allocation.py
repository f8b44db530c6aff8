"""The allocation of trends to agents: few agents of an installation for each topic, the most relevant ones first.

Agents that all post about the same topics at the same time would look like a ring of bots. So each agent only bids for
the trends of a snapshot, and once all have done so, each trend goes to the agent for which it is most relevant. Another
agent may get it later, after a pause.
"""

from __future__ import annotations

import datetime as dt
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import AgentState
from ceos.domain.schedule import is_quiet
from ceos.domain.topics import Relevance, Trend, is_same, live_trends
from ceos.errors import NotFound
from ceos.logs import event
from ceos.runs.cast_limit import CastLimit
from ceos.storage.agents import AgentStore
from ceos.storage.ops import OpsStore
from ceos.trends.store import Bids, ClaimedTrend, FleetClaim, FleetRules, TrendStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Bid:
    agent: Agent
    trend: Trend
    relevance: Relevance

    @property
    def order(self) -> tuple[float, int]:
        """The best bid first; among equals, not always the same agent."""
        return -self.trend.score * self.relevance.value, zlib.crc32(f"{self.agent.id}|{self.trend.slug}".encode())


class TrendAllocator:
    """Opens the runs of agents whose bids win."""

    def __init__(
        self,
        agents: AgentStore,
        ops: OpsStore,
        trends: TrendStore,
        limit: CastLimit,
        clock: Clock,
        *,
        rules: FleetRules,
    ) -> None:
        self._agents = agents
        self._ops = ops
        self._trends = trends
        self._limit = limit
        self._clock = clock
        self._rules = rules

    def can_post(self, agent: Agent) -> bool:
        """Say whether an agent can post now, regardless of the trends."""
        if not agent.trends.posts_per_day or is_quiet(agent.schedule, self._clock.now_ms()):
            return False
        if self._ops.panic_reason() is not None or self._limit.is_full(agent, self._clock.now()):
            return False
        return self._agents.agent_statuses([agent.id])[0].state not in (AgentState.PAUSED, AgentState.ERROR)

    def allocate(self, bids: Bids) -> list[str]:
        """Open the run of each agent that gets a trend, at most one each, and return the ids; repeatable."""
        snapshot, now = self._trends.snapshot(), self._clock.now()
        if snapshot is None or not bids:
            return []
        agents = self._known(bids)
        window = dt.timedelta(hours=max((one.trends.window_hours for one in agents.values()), default=0))
        claims = self._trends.fleet_claims(now - window)
        served = {claim.agent_id for claim in claims if claim.at >= snapshot.at}
        live = {trend.slug: trend for trend in live_trends(snapshot.trends, now)}
        found = [
            _Bid(agents[agent_id], live[slug], relevance)
            for agent_id, relevances in bids.items()
            for slug, relevance in relevances.items()
            if agent_id in agents and slug in live
        ]
        opened = []
        for bid in sorted(found, key=lambda one: one.order):
            if bid.agent.id in served or not self._is_free(bid, claims, now):
                continue
            claimed = ClaimedTrend(trend=bid.trend, relevance=bid.relevance)
            run, answer = self._trends.open_trend_run(bid.agent, claimed, now, self._rules)
            if answer == "opened":
                log.info(
                    "Trend taken up", extra=event("trend.taken", agent=bid.agent.id, draft=run, topic=bid.trend.slug)
                )
                opened.append(run)
                claims.append(FleetClaim(bid.agent.id, now, claimed))
            if answer not in ("taken", "shared"):
                served.add(bid.agent.id)
        return opened

    def _known(self, bids: Mapping[str, object]) -> dict[str, Agent]:
        found = {}
        for agent_id in bids:
            try:
                found[agent_id] = self._agents.agent(agent_id)
            except NotFound:
                continue  # removed in the meantime
        return found

    def _is_free(self, bid: _Bid, claims: list[FleetClaim], now: dt.datetime) -> bool:
        """Say whether another agent may take a topic now, under any name."""
        since = now - dt.timedelta(hours=bid.agent.trends.window_hours)
        same = [claim for claim in claims if claim.at > since and is_same(bid.trend, claim.claimed.trend)]
        if any(now - claim.at < self._rules.apart for claim in same):
            return False
        return len({claim.agent_id for claim in same}) < self._rules.agents_per_topic
