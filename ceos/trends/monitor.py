"""Following what many talk about: look for all agents together, ask each what concerns it, and let it take that up.

There is no trending feed: Neynar has removed it. What is going on is read from its list of topics, the busiest channels
and the feeds of both. `topics.py` makes topics of that and says how a score comes about. When nothing can be read there
are no trends, and none are made up: the last ones fade and are gone after two hours.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ceos.clients.http.rate_limit import in_background
from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.reads import CHANNELS_PER_CALL
from ceos.clients.neynar.types import FeedCast
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import AgentState
from ceos.domain.schedule import is_quiet
from ceos.domain.topics import SLUG, Listed, Relevance, Seen, Trend, find_trends, fresh, is_same, shown, still_on
from ceos.errors import KeyRefused, LimitReached, NotFound, RequestRefused, ServiceError
from ceos.logs import event
from ceos.storage.agents import AgentStore
from ceos.storage.ops import OpsStore
from ceos.trends.relevance import TrendRelevance
from ceos.trends.store import Look, TakenUp, TrendStore

log = logging.getLogger(__name__)

#: Stands for all agents, where a message would name one.
ALL = "-"
#: What one look reads at most: topics, casts of each, busy channels, channels in all, and casts of ten channels.
TOPICS, TOPIC_CASTS, BUSY_CHANNELS, CHANNELS, CHANNEL_CASTS = 10, 50, 10, 30, 100

_T = TypeVar("_T")


@dataclass(frozen=True)
class Watch:
    """What trends are followed with."""

    agents: AgentStore
    ops: OpsStore
    trends: TrendStore
    neynar: Neynar
    relevance: TrendRelevance
    clock: Clock
    #: How often to look, in seconds of the schedules.
    seconds: float


class TrendWatch:
    """Sees to it that agents hear of what many talk about, and post about what concerns them."""

    def __init__(self, watch: Watch) -> None:
        self._w = watch

    def work(self, agent_id: str) -> list[str]:
        """Look for all agents, and return whom to ask; or ask one agent, and return nobody."""
        if agent_id == ALL:
            return self.refresh()
        self.consider(agent_id)
        return []

    # Looking

    def refresh(self) -> list[str]:
        """Read all sources, store what is found, and return the agents to ask about it; one worker at a time does."""
        token = uuid.uuid4().hex
        if not self._w.trends.begin(token):
            return []
        agents = self._caring()
        now, last = self._w.clock.now(), self._w.trends.look()
        sources = _Sources(self._w.neynar, self._w.agents)
        with in_background():
            listed, casts = sources.read([channel for agent in agents for channel in agent.trends.channels])
        known = last.trends if last else ()
        found = find_trends(listed, casts, now, known=known)
        if sources.gaps:
            # What could not be read may still be going on.
            found += [trend for trend in fresh(known, now) if not any(is_same(trend, other) for other in found)]
        look = Look(at=now, trends=tuple(found), gaps=tuple(sources.gaps))
        if not self._w.trends.keep(token, look, self._w.seconds / self._w.clock.speed):
            return []
        log.info("Looked for trends", extra=event("trends.seen", trends=len(look.trends), gaps=len(look.gaps)))
        return [agent.id for agent in agents] if look.trends else []

    def current(self) -> list[Trend]:
        """Return what many talk about now, highest score first; what was seen too long ago is left out."""
        look = self._w.trends.look()
        return still_on(look.trends, self._w.clock.now()) if look else []

    def _caring(self) -> list[Agent]:
        found = []
        for agent_id in self._w.trends.agents():
            try:
                found.append(self._w.agents.agent(agent_id))
            except NotFound:
                continue  # removed in the meantime
        return found

    # Asking an agent

    def consider(self, agent_id: str) -> str | None:
        """Let an agent take up the trend of the last look that concerns it most, if any does; return the run's id."""
        look = self._w.trends.look()
        try:
            agent = self._w.agents.agent(agent_id)
        except NotFound:
            return None
        if look is None or self._is_out(agent) or not self._w.trends.ask(agent_id, look):
            return None
        now = self._w.clock.now()
        taken = self._w.trends.recently_taken(agent.id, now - dt.timedelta(hours=max(agent.trends.window_hours, 24)))
        free = [trend for trend in still_on(look.trends, now) if not _is_taken(agent, trend, taken, now)]
        today = sum(at.date() == now.date() for at, _ in taken)
        if not free or today >= agent.trends.posts_per_day:
            return None
        relevances = self._relevances(agent, free, look)
        wanted = [trend for trend in free if _value(relevances, trend) >= agent.trends.min_relevance]
        for trend in sorted(wanted, key=lambda one: (-one.score * _value(relevances, one), one.slug)):
            run, answer = self._w.trends.open(agent, TakenUp(trend=trend, relevance=relevances[trend.slug]), now)
            if answer == "opened":
                log.info("Trend taken up", extra=event("trend.taken", agent=agent.id, draft=run, topic=trend.slug))
                return run
            if answer != "taken":
                break
        return None

    def _is_out(self, agent: Agent) -> bool:
        """Say whether an agent would not post now anyway."""
        if not agent.trends.posts_per_day or is_quiet(agent.schedule, self._w.clock.now_ms()):
            return True
        if self._w.ops.panic_reason() is not None:
            return True
        return self._w.agents.agent_statuses([agent.id])[0].state in (AgentState.PAUSED, AgentState.ERROR)

    def _relevances(self, agent: Agent, trends: Sequence[Trend], look: Look) -> dict[str, Relevance]:
        """Return how relevant trends are to an agent; a model is asked only about those it has not judged yet."""
        known = {slug: one for slug, one in self._w.trends.judged(agent.id).items() if one.by == "model"}
        unknown = [trend for trend in trends if trend.slug not in known]
        try:
            new = self._w.relevance.score(agent, unknown, call=f"trends:{look.at.timestamp():.0f}")
        except (LimitReached, KeyRefused) as error:
            # No post could be written now either.
            log.warning("Trends were not judged", extra=event("trends.unjudged", agent=agent.id, error=str(error)))
            return known
        self._w.trends.judge(agent.id, new, [trend.slug for trend in look.trends])
        return known | new


def _is_taken(agent: Agent, trend: Trend, taken: Iterable[tuple[dt.datetime, TakenUp]], now: dt.datetime) -> bool:
    """Say whether an agent has taken up a topic within its window, under whatever name."""
    since = now - dt.timedelta(hours=agent.trends.window_hours)
    return any(at > since and is_same(trend, one.trend) for at, one in taken)


def _value(relevances: dict[str, Relevance], trend: Trend) -> float:
    return relevances[trend.slug].value if trend.slug in relevances else -1.0


class _Sources:
    """Everything that is read for one look; what cannot be read leaves a gap."""

    def __init__(self, neynar: Neynar, agents: AgentStore) -> None:
        self._neynar = neynar
        self._agents = agents
        #: What could not be read, a sentence each.
        self.gaps: list[str] = []

    def read(self, channels: Iterable[str]) -> tuple[list[Listed], list[Seen]]:
        """Return the listed topics with their casts, and the casts of busy channels and of those given.

        Our own agents' casts are left out: they must not make a trend of what they say themselves.
        """
        topics = [
            (rank, topic, self._read(partial(self._neynar.topic_feed, topic.slug, TOPIC_CASTS)))
            for rank, topic in enumerate(self._read(partial(self._neynar.trending_topics, TOPICS)))
            if SLUG.fullmatch(topic.slug)
        ]
        busy = [channel.id for channel in self._read(partial(self._neynar.trending_channels, BUSY_CHANNELS))]
        wanted = list(dict.fromkeys([*sorted(set(channels)), *busy]))[:CHANNELS]
        casts: list[FeedCast] = []
        for start in range(0, len(wanted), CHANNELS_PER_CALL):
            some = wanted[start : start + CHANNELS_PER_CALL]
            casts += self._read(partial(self._neynar.channel_feed, some, CHANNEL_CASTS))
        authors = {cast.author_fid for _, _, found in topics for cast in found} | {cast.author_fid for cast in casts}
        own = set(self._agents.agents_of(fid for fid in authors if fid is not None))
        listed = [
            Listed(topic.slug, topic.name, rank, topic.summary, tuple(_seen(found, own)))
            for rank, topic, found in topics
        ]
        return listed, list(_seen(casts, own))

    def _read(self, call: Callable[[], tuple[_T, ...]]) -> tuple[_T, ...]:
        """Return what one source says, or nothing; after two that are down no other is asked."""
        if len(self.gaps) > 1:
            return ()
        try:
            return call()
        except RequestRefused as error:
            # One odd topic or channel; the others can still be read. A refused key refuses everything.
            if isinstance(error, KeyRefused):
                self.gaps.append(str(error))
            log.warning("A source of trends was left out", extra=event("trends.refused", error=str(error)))
        except ServiceError as error:
            self.gaps.append(str(error))
            log.warning("A source of trends cannot be read", extra=event("trends.gap", error=str(error)))
        return ()


def _seen(casts: Iterable[FeedCast], own: set[int]) -> Iterator[Seen]:
    for cast in casts:
        if cast.author is None or cast.author.fid in own or not shown(cast.text):
            continue
        yield Seen(
            hash=cast.hash, author_fid=cast.author.fid, text=cast.text, at=cast.at, author_score=cast.author.score,
            likes=cast.likes, recasts=cast.recasts, replies=cast.replies, channel=cast.channel,
        )  # fmt: skip
