"""The wired system of one process. Each part is built, and its modules are loaded, when it is first used.

There is one global, in the manner of dramatiq's broker: `get_runtime()` builds it on first use, `set_runtime()`
replaces it.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ceos.runtime.services import Services
from ceos.settings import Settings

if TYPE_CHECKING:
    from ceos.chain.events.posts import EventPosts
    from ceos.chain.wiring import Chain
    from ceos.domain.agent import Agent
    from ceos.domain.posts import Kind
    from ceos.engine.pipeline import Pipeline
    from ceos.engine.scheduler import Scheduler, Send
    from ceos.engine.sources import RunSources, ScheduleSource
    from ceos.mentions.poller import MentionPoller
    from ceos.mentions.responder import MentionResponder
    from ceos.metrics.collector import MetricsCollector
    from ceos.metrics.scorer import Scorer
    from ceos.operations.agents import Applied
    from ceos.posts.illustrator import Illustrator
    from ceos.skills.agent_host import HostFactory
    from ceos.skills.session import SkillDeps, SkillSessions
    from ceos.trends.monitor import TrendMonitor


class Runtime(Services):
    """Every part of the system, wired from the settings."""

    @cached_property
    def skill_hosts(self) -> HostFactory:
        """The factory of the hosts that answer skills."""
        from ceos.skills.agent_host import HostFactory

        return HostFactory(
            self.skill_store,
            self.paid_model,
            self.clock,
            measured_casts=self.metrics.measured_casts,
            read=self.sandbox.read_document,
            chain=lambda: self.chain.client,
        )

    @cached_property
    def skill_deps(self) -> SkillDeps:
        """The collaborators of everything that runs skills."""
        from ceos.skills.session import SkillDeps

        return SkillDeps(
            agents=self.agents,
            store=self.skill_store,
            skills=self.plugins.skills,
            lock=self.skill_lock,
            sandbox=self.sandbox,
            hosts=self.skill_hosts,
            clock=self.clock,
        )

    @cached_property
    def skills(self) -> SkillSessions:
        """The skills of all agents."""
        from ceos.skills.session import SkillSessions

        return SkillSessions(self.skill_deps)

    @cached_property
    def mention_poller(self) -> MentionPoller:
        """The poller of mentions."""
        from ceos.mentions.poller import MentionPoller

        return MentionPoller(self.agents, self.mention_store, self.neynar, self.plugins, self.clock)

    @cached_property
    def responder(self) -> MentionResponder:
        """The decisions about mentions, and the replies."""
        from ceos.mentions.responder import MentionResponder
        from ceos.runs.cast_limit import CastLimit

        return MentionResponder(
            agents=self.agents,
            store=self.mention_store,
            plugins=self.plugins,
            model=self.paid_model,
            judge=self.judge,
            neynar=self.neynar,
            limit=CastLimit(self.database),
            clock=self.clock,
        )

    @cached_property
    def scoring(self) -> Scorer:
        """The scorer of weeks, and what learning draws from them."""
        from ceos.metrics.scorer import Scorer

        return Scorer(self.series)

    @cached_property
    def measuring(self) -> MetricsCollector:
        """The collector of measurements."""
        from ceos.metrics.collector import MetricsCollector

        return MetricsCollector(
            self.agents,
            self.runs,
            self.neynar,
            self.clock,
            metrics=self.metrics,
            scoring=self.scoring,
            history=self.post_history,
            sleep=self.sleep,
        )

    def migrate(self) -> None:
        """Bring stored data into the form of this version; repeatable, and quick once it is done."""
        from ceos.metrics.migration import OwnPartsCorrection
        from ceos.metrics.store import CorrectionStore

        OwnPartsCorrection(self.agents, self.runs, CorrectionStore(self.database)).run(self.clock.now())

    @cached_property
    def trends(self) -> TrendMonitor:
        """The monitor of trends."""
        from ceos.runs.cast_limit import CastLimit
        from ceos.trends.allocation import TrendAllocator
        from ceos.trends.monitor import TrendMonitor
        from ceos.trends.relevance import TrendRelevance
        from ceos.trends.store import FleetRules

        rules = FleetRules(
            agents_per_topic=self.settings.trends_agents_per_topic,
            apart=dt.timedelta(minutes=self.settings.trends_minutes_apart),
        )
        limit = CastLimit(self.database)
        return TrendMonitor(
            agents=self.agents,
            trends=self.trend_store,
            neynar=self.neynar,
            relevance=TrendRelevance(self.relevance),
            allocator=TrendAllocator(self.agents, self.ops, self.trend_store, limit, self.clock, rules=rules),
            clock=self.clock,
            refresh_seconds=self.settings.trends_seconds,
        )

    @cached_property
    def event_posts(self) -> EventPosts:
        """The posts about events on chain."""
        from ceos.chain.events.posts import EventPosts

        return EventPosts(self.database, self.ledger, self.clock)

    @cached_property
    def chain(self) -> Chain:
        """The parts that concern Base."""
        from ceos.chain.wiring import Chain, ChainDeps

        return Chain(
            ChainDeps(
                settings=self.settings,
                database=self.database,
                agents=self.agents,
                ops=self.ops,
                plugins=self.plugins,
                skills=self.skill_deps,
                posts=self.event_posts,
                scoring=self.scoring,
                clock=self.clock,
                sleep=self.sleep,
                stopping=self.stopping,
            )
        )

    @cached_property
    def schedule_source(self) -> ScheduleSource:
        """The source of posts by schedule or by hand."""
        from ceos.engine.sources import ScheduleSource

        return ScheduleSource(self.plugins, self.clock, self.scoring.weights)

    @cached_property
    def sources(self) -> RunSources:
        """The sources of all kinds of runs."""
        from ceos.chain.events.source import EventSource
        from ceos.chain.events.store import EventStore
        from ceos.engine.sources import RunSources
        from ceos.mentions.source import MentionSource
        from ceos.posts.retraction import RetractionSource
        from ceos.trends.source import TrendSource

        return RunSources(
            [
                self.schedule_source,
                MentionSource(self.responder, self.mention_store, self.clock),
                TrendSource(self.trend_store, self.plugins, self.clock),
                EventSource(EventStore(self.database), self.plugins, self.clock),
                RetractionSource(self.retractions, self.clock),
            ]
        )

    @cached_property
    def illustrator(self) -> Illustrator:
        """The maker of pictures and videos."""
        from ceos.clients.fal.webhooks import WEBHOOK_PATH
        from ceos.posts.illustrator import Illustrator
        from ceos.posts.videos import VideoMaker
        from ceos.runs.budget import Budget

        budget, public_url = Budget(self.database), self.settings.public_url
        webhook = f"{public_url}{WEBHOOK_PATH}" if public_url else ""
        videos = VideoMaker(self.fal, budget, self.ledger, self.clock, webhook=webhook)
        return Illustrator(self.fal, budget, self.clock, videos)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline: the stages of one post."""
        from ceos.engine.pipeline import Pipeline
        from ceos.engine.stages import Stages
        from ceos.posts.writer import Writer

        return Pipeline(
            stages=Stages(self.ledger, self.agents, self.sources),
            runs=self.runs,
            plugins=self.plugins,
            writer=Writer(self.paid_model, self.plugins, self.skills, self.post_history, self.judge),
            illustrator=self.illustrator,
            publisher=self.publisher,
            measure=self.measuring.measure,
            should_skip=self.scoring.should_skip,
        )

    def scheduler(self, send: Send, backlog: Callable[[], int]) -> Scheduler:
        """Return a scheduler that calls workers through `send`."""
        from ceos.engine.scheduler import Scheduler

        return Scheduler(
            self.agents,
            self.ledger,
            self.clock,
            send,
            backlog,
            plugins=self.plugins,
            claim_count=self.series.claim_count,
            poll_seconds=self.settings.poll_seconds,
        )

    def apply(self, agents: Sequence[Agent]) -> list[Applied]:
        """Store agents; see `ceos.operations.agents.apply_agents`."""
        from ceos.operations.agents import apply_agents

        return apply_agents(self, agents)

    def pause(self, agent_id: str, reason: str = "paused by the operator") -> str:
        """Pause an agent; returns "ok" or "unchanged"."""
        from ceos.operations.agents import pause_agent

        return "ok" if pause_agent(self, agent_id, reason) else "unchanged"

    def resume(self, agent_id: str) -> str:
        """Resume an agent; returns "ok" or "unchanged"."""
        from ceos.operations.agents import resume_agent

        return "ok" if resume_agent(self, agent_id) else "unchanged"

    def remove(self, agent_id: str) -> str:
        """Remove an agent; returns "ok" or "unchanged"."""
        from ceos.operations.agents import remove_agent

        return "ok" if remove_agent(self, agent_id) else "unchanged"

    def post(self, agent_id: str, *, kind: Kind | None = None, text: str | None = None, key: str | None = None) -> str:
        """Open the run of a post by hand and return its id; see `ceos.operations.posts.create_post`."""
        from ceos.operations.posts import PostRequest, create_post

        return create_post(self, PostRequest(agent_id=agent_id, kind=kind, text=text, key=key)).id


_runtime: Runtime | None = None
_lock = threading.Lock()


def get_runtime() -> Runtime:
    """Return this process's runtime; the first call builds it from the environment."""
    global _runtime  # noqa: PLW0603  # the one global, see the head of the file
    with _lock:
        if _runtime is None:
            _runtime = Runtime(Settings.from_env())
        return _runtime


def set_runtime(runtime: Runtime | None) -> None:
    """Replace this process's runtime; None has the next `get_runtime()` build a new one."""
    global _runtime  # noqa: PLW0603  # the one global, see the head of the file
    with _lock:
        _runtime = runtime
