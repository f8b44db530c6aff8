"""The monitor of trends: it reads them for all agents together, and lets each agent claim the most relevant one.

Neynar has removed its trending feed, so trends are found in its list of topics, the busiest channels, and the feeds of
both; `domain.topics` extracts and scores the topics. When no source can be read there is no new trend: the last ones
fade and end after two hours.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from ceos.clients.http.rate_limit import in_background
from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.reads import CHANNELS_PER_CALL
from ceos.clients.neynar.types import FeedCast
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.topics import (
    SLUG,
    ListedTopic,
    Relevance,
    SeenCast,
    Trend,
    find_trends,
    fresh,
    is_same,
    live_trends,
    shown,
)
from ceos.errors import KeyRefused, LimitReached, NotFound, RequestRefused, ServiceError
from ceos.logs import event
from ceos.storage.agents import AgentStore
from ceos.trends.allocation import TrendAllocator
from ceos.trends.relevance import TrendRelevance
from ceos.trends.store import ClaimedTrend, TrendSnapshot, TrendStore

log = logging.getLogger(__name__)

#: The id in messages that concern all agents.
ALL = "-"
#: The limits of one refresh: topics, casts of each, busy channels, all channels, and casts of ten channels.
MAX_TOPICS, MAX_TOPIC_CASTS, MAX_BUSY_CHANNELS, MAX_CHANNELS, MAX_CHANNEL_CASTS = 10, 50, 10, 30, 100

_T = TypeVar("_T")


class TrendMonitor:
    """Refreshes trends and lets agents claim the relevant ones for posts."""

    def __init__(
        self,
        *,
        agents: AgentStore,
        trends: TrendStore,
        neynar: Neynar,
        relevance: TrendRelevance,
        allocator: TrendAllocator,
        clock: Clock,
        refresh_seconds: float,
    ) -> None:
        self._agents = agents
        self._trends = trends
        self._neynar = neynar
        self._relevance = relevance
        self._allocator = allocator
        self._clock = clock
        self._refresh_seconds = refresh_seconds

    def handle(self, agent_id: str) -> list[str]:
        """Refresh the trends and return the agents to ask, or ask one agent and return none."""
        if agent_id == ALL:
            return self.refresh()
        self.consider(agent_id)
        return []

    # Refreshing

    def refresh(self) -> list[str]:
        """Read all sources, store the snapshot, and return the agents to ask about it; for one worker at a time."""
        token = uuid.uuid4().hex
        if not self._trends.begin_refresh(token):
            return []
        # An agent whose worker was killed never made its bid; the bids of the others still count.
        self._allocator.allocate(self._trends.bids())
        agents = self._following()
        now, last = self._clock.now(), self._trends.snapshot()
        sources = _Sources(self._neynar, self._agents)
        with in_background():
            listed, casts = sources.read([channel for agent in agents for channel in agent.trends.channels])
        known = last.trends if last else ()
        found = find_trends(listed, casts, now, known=known)
        if sources.gaps:
            # The topics of sources that could not be read may still be trends.
            found += [trend for trend in fresh(known, now) if not any(is_same(trend, other) for other in found)]
        snapshot = TrendSnapshot(at=now, trends=tuple(found), gaps=tuple(sources.gaps))
        if not self._trends.save_snapshot(token, snapshot, self._refresh_seconds / self._clock.speed):
            return []
        asked = [agent.id for agent in agents] if snapshot.trends else []
        self._trends.ask_for_bids(asked)
        fields = {"trends": len(snapshot.trends), "gaps": len(snapshot.gaps)}
        log.info("Trends refreshed", extra=event("trends.seen", **fields))
        return asked

    def current(self) -> list[Trend]:
        """Return the current trends, highest score first."""
        snapshot = self._trends.snapshot()
        return live_trends(snapshot.trends, self._clock.now()) if snapshot else []

    def _following(self) -> list[Agent]:
        found = []
        for agent_id in self._trends.agent_ids():
            try:
                found.append(self._agents.agent(agent_id))
            except NotFound:
                continue  # removed in the meantime
        return found

    # Asking an agent

    def consider(self, agent_id: str) -> list[str]:
        """Ask an agent about the latest snapshot; the last one that is asked starts the allocation of the trends.

        Returns the ids of the runs that were opened.
        """
        snapshot = self._trends.snapshot()
        if snapshot is None or not self._trends.claim_question(agent_id, snapshot):
            return []
        wanted: dict[str, Relevance] = {}
        try:
            wanted = self._wanted(agent_id, snapshot)
        finally:
            # Other agents wait for this bid, so it is saved even after an error.
            bids = self._trends.save_bid(agent_id, wanted)
        return self._allocator.allocate(bids)

    def _wanted(self, agent_id: str, snapshot: TrendSnapshot) -> dict[str, Relevance]:
        """Return the relevance of the trends that an agent would post about now."""
        try:
            agent = self._agents.agent(agent_id)
        except NotFound:
            return {}
        if not self._allocator.can_post(agent):
            return {}
        now = self._clock.now()
        claimed = self._trends.recent_claims(agent.id, now - dt.timedelta(hours=max(agent.trends.window_hours, 24)))
        free = [trend for trend in live_trends(snapshot.trends, now) if not _is_claimed(agent, trend, claimed, now)]
        today = sum(at.date() == now.date() for at, _ in claimed)
        if not free or today >= agent.trends.posts_per_day:
            return {}
        relevances = self._relevances(agent, free, snapshot)
        return {
            trend.slug: relevances[trend.slug]
            for trend in free
            if trend.slug in relevances and relevances[trend.slug].value >= agent.trends.min_relevance
        }

    def _relevances(self, agent: Agent, trends: Sequence[Trend], snapshot: TrendSnapshot) -> dict[str, Relevance]:
        """Return the relevance of trends to an agent; a model is asked only about those it has not scored yet."""
        known = {slug: one for slug, one in self._trends.relevances(agent.id).items() if one.by == "model"}
        unknown = [trend for trend in trends if trend.slug not in known]
        try:
            new = self._relevance.score(agent, unknown, call=f"trends:{snapshot.at.timestamp():.0f}")
        except (LimitReached, KeyRefused) as error:
            # A post could not be written now either.
            log.warning("Trends were not scored", extra=event("trends.unjudged", agent=agent.id, error=str(error)))
            return known
        self._trends.save_relevances(agent.id, new, [trend.slug for trend in snapshot.trends])
        return known | new


def _is_claimed(
    agent: Agent, trend: Trend, claimed: Iterable[tuple[dt.datetime, ClaimedTrend]], now: dt.datetime
) -> bool:
    """Say whether an agent has claimed a topic within its window, under any name."""
    since = now - dt.timedelta(hours=agent.trends.window_hours)
    return any(at > since and is_same(trend, one.trend) for at, one in claimed)


class _Sources:
    """The sources of one refresh; one that cannot be read leaves a gap."""

    def __init__(self, neynar: Neynar, agents: AgentStore) -> None:
        self._neynar = neynar
        self._agents = agents
        #: One sentence for each source that could not be read.
        self.gaps: list[str] = []

    def read(self, channels: Iterable[str]) -> tuple[list[ListedTopic], list[SeenCast]]:
        """Return the listed topics with their casts, and the casts of busy channels and of the given ones.

        Casts of our own agents are left out, so that they cannot cause a trend.
        """
        topics = [
            (rank, topic, self._read(partial(self._neynar.topic_feed, topic.slug, MAX_TOPIC_CASTS)))
            for rank, topic in enumerate(self._read(partial(self._neynar.trending_topics, MAX_TOPICS)))
            if SLUG.fullmatch(topic.slug)
        ]
        busy = [channel.id for channel in self._read(partial(self._neynar.trending_channels, MAX_BUSY_CHANNELS))]
        wanted = list(dict.fromkeys([*sorted(set(channels)), *busy]))[:MAX_CHANNELS]
        casts: list[FeedCast] = []
        for start in range(0, len(wanted), CHANNELS_PER_CALL):
            some = wanted[start : start + CHANNELS_PER_CALL]
            casts += self._read(partial(self._neynar.channel_feed, some, MAX_CHANNEL_CASTS))
        authors = {cast.author_fid for _, _, found in topics for cast in found} | {cast.author_fid for cast in casts}
        own = set(self._agents.agents_of(fid for fid in authors if fid is not None))
        listed = [
            ListedTopic(topic.slug, topic.name, rank, topic.summary, tuple(_seen(found, own)))
            for rank, topic, found in topics
        ]
        return listed, list(_seen(casts, own))

    def _read(self, call: Callable[[], tuple[_T, ...]]) -> tuple[_T, ...]:
        """Return the answer of one source, or nothing; after two failures no other source is asked."""
        if len(self.gaps) > 1:
            return ()
        try:
            return call()
        except RequestRefused as error:
            # One topic or channel is refused; the others can still be read. A refused key concerns all of them.
            if isinstance(error, KeyRefused):
                self.gaps.append(str(error))
            log.warning("A source of trends was left out", extra=event("trends.refused", error=str(error)))
        except ServiceError as error:
            self.gaps.append(str(error))
            log.warning("A source of trends cannot be read", extra=event("trends.gap", error=str(error)))
        return ()


def _seen(casts: Iterable[FeedCast], own: set[int]) -> Iterator[SeenCast]:
    for cast in casts:
        if cast.author is None or cast.author.fid in own or not shown(cast.text):
            continue
        yield SeenCast(
            hash=cast.hash, author_fid=cast.author.fid, text=cast.text, at=cast.at, author_score=cast.author.score,
            likes=cast.likes, recasts=cast.recasts, replies=cast.replies, channel=cast.channel,
        )  # fmt: skip
