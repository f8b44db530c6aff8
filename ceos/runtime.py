"""Everything, built once from the settings; the doors (command line, web, actors, scripts) call one method of it each.

There is one global, in the manner of dramatiq's broker: `get_runtime()` builds on first use, `set_runtime()` replaces.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ceos.clock import Clock
from ceos.errors import RateLimited, StoreUnavailable
from ceos.settings import Settings, secret
from ceos.storage import embedded
from ceos.storage.addresses import check_databases_differ, next_database
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database, connect
from ceos.storage.ops import OpsStore
from ceos.storage.runs import RunStore

if TYPE_CHECKING:
    from ceos.chain.events.posts import EventPosts
    from ceos.chain.wiring import Chain
    from ceos.clients.fal.client import Fal
    from ceos.clients.neynar.client import Neynar
    from ceos.clients.openrouter.client import OpenRouter
    from ceos.domain.agent import Agent
    from ceos.domain.posts import Kind
    from ceos.engine.pipeline import Pipeline
    from ceos.engine.scheduler import Scheduler, Send
    from ceos.engine.sources import RunSources, ScheduleSource
    from ceos.mentions.poller import Listening
    from ceos.mentions.responder import MentionResponder
    from ceos.mentions.store import Claims, Inbox
    from ceos.metrics.collector import Measuring
    from ceos.metrics.scorer import Scoring
    from ceos.metrics.store import MetricsStore
    from ceos.metrics.timeseries import Series
    from ceos.operations.agents import Applied
    from ceos.plugins.manager import Plugins
    from ceos.posts.publisher import Publisher
    from ceos.posts.relevance import RelevanceScorer
    from ceos.runs.ledger import Ledger
    from ceos.runs.paid_model import PaidModel
    from ceos.sandbox.executor import Sandbox
    from ceos.skills.host import HostFactory
    from ceos.skills.lockfile import SkillLock
    from ceos.skills.session import SkillDeps, SkillSessions
    from ceos.skills.store import SkillStore
    from ceos.trends.monitor import TrendWatch
    from ceos.trends.store import TrendStore

#: Processes of the sandbox that wait for skills, in each process of ours; more calls at once wait for a fork.
SPARES = 2


class Runtime:
    """The wired system of one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        self.clock = Clock(settings.clock_speed, settings.clock_origin)
        self._server = None if settings.redis_url else embedded.EmbeddedServer(settings.home_folder())

    # The parts; each is built when it is first used, for a command needs few of them

    @cached_property
    def database(self) -> Database:
        """The data in Redis or in the embedded server, which is started if need be."""
        self.ensure_server()
        return Database(connect(self.redis_url))

    @cached_property
    def agents(self) -> AgentStore:
        """The agents and their states."""
        return AgentStore(self.database)

    @cached_property
    def runs(self) -> RunStore:
        """The records of runs."""
        return RunStore(self.database)

    @cached_property
    def ops(self) -> OpsStore:
        """Workers, the halt switch, and the counters of hooks."""
        return OpsStore(self.database)

    @cached_property
    def skill_store(self) -> SkillStore:
        """The notes and failures of skills."""
        from ceos.skills.store import SkillStore

        return SkillStore(self.database)

    @cached_property
    def metrics(self) -> MetricsStore:
        """The measurements of casts."""
        from ceos.metrics.store import MetricsStore

        return MetricsStore(self.database)

    @property
    def store(self) -> Any:
        """All of these in one, as until version 0.1; deprecated."""
        warnings.warn(
            "runtime.store is deprecated and goes with version 0.3: use runtime.agents, runtime.runs or runtime.ops.",
            DeprecationWarning,
            stacklevel=2,
        )
        parts = (self.agents, self.runs, self.ops, self.metrics, self.skill_store, self.inbox, self.database)
        return SimpleNamespace(
            **{name: getattr(one, name) for one in parts for name in dir(one) if not name.startswith("_")}
        )

    @cached_property
    def ledger(self) -> Ledger:
        """The run ledger."""
        from ceos.metrics.collector import MEASURE_HOURS
        from ceos.runs.ledger import Ledger

        return Ledger(
            self.database,
            lease_seconds=self.settings.lease_seconds,
            review_hours=self.settings.review_hours,
            first_measurement_seconds=MEASURE_HOURS[0] * 3600 / self.clock.speed,
        )

    @cached_property
    def plugins(self) -> Plugins:
        """The plugins, ours and strangers', with what they registered."""
        from ceos.plugins.manager import load_plugins

        plugins = load_plugins(self.settings.skill_path, self.settings.plugins)
        plugins.on_call = self._count_hook
        return plugins

    def _count_hook(self, plugin: str, hook: str, micros: int, failures: int, calls: int = 1) -> None:
        # A count is not worth a post.
        with suppress(StoreUnavailable):
            self.ops.count_hook(plugin, hook, micros, failures, calls)

    @cached_property
    def sandbox(self) -> Sandbox:
        """Where skills run; its processes are started when they are first needed."""
        from ceos.sandbox.executor import Sandbox

        mode = self.settings.sandbox
        return Sandbox(mode=None if mode == "auto" else mode, spares=SPARES)

    @cached_property
    def skill_lock(self) -> SkillLock:
        """What the operator has allowed of which skills."""
        from ceos.skills.lockfile import LOCK_FILE, SkillLock

        return SkillLock(self.settings.home_folder() / LOCK_FILE)

    @cached_property
    def skill_hosts(self) -> HostFactory:
        """The factory of the hosts that answer skills."""
        from ceos.skills.host import HostFactory

        return HostFactory(
            self.skill_store,
            self.paid_model,
            self.clock,
            measured_casts=self.metrics.measured_casts,
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
    def openrouter(self) -> OpenRouter:
        """The client that writes."""
        from ceos.clients.openrouter.client import OpenRouter

        return OpenRouter(secret(self.settings.openrouter_api_key), self.settings.openrouter_base_url, sleep=self.sleep)

    @cached_property
    def paid_model(self) -> PaidModel:
        """The language models, asked at the expense of agents."""
        from ceos.runs.budget import Budget
        from ceos.runs.paid_model import PaidModel

        return PaidModel(self.openrouter, Budget(self.database), self.clock)

    @cached_property
    def relevance(self) -> RelevanceScorer:
        """The scorer of trends and mentions."""
        from ceos.posts.relevance import RelevanceScorer

        return RelevanceScorer(self.paid_model)

    @cached_property
    def fal(self) -> Fal:
        """The client that illustrates."""
        from ceos.clients.fal.client import Fal

        return Fal(
            secret(self.settings.fal_key), self.settings.fal_run_url, self.settings.fal_queue_url, sleep=self.sleep
        )

    @cached_property
    def neynar(self) -> Neynar:
        """The client that publishes."""
        from ceos.clients.http.rate_limit import RateLimiter
        from ceos.clients.neynar.client import Neynar

        return Neynar(
            secret(self.settings.neynar_api_key),
            self.settings.neynar_base_url,
            sleep=self.sleep,
            before_request=RateLimiter(
                self.database, self.settings.neynar_per_minute, "neynar", sleep=self._wait_for_place
            ),
        )

    @cached_property
    def inbox(self) -> Inbox:
        """What agents have heard."""
        from ceos.mentions.store import Inbox

        return Inbox(self.database)

    @cached_property
    def claims(self) -> Claims:
        """The decisions about mentions and the claims on casts."""
        from ceos.mentions.store import Claims

        return Claims(self.database)

    @cached_property
    def listening(self) -> Listening:
        """How agents hear of what concerns them."""
        from ceos.mentions.poller import Listening

        return Listening(self.agents, self.inbox, self.neynar, self.plugins, self.clock)

    @cached_property
    def responder(self) -> MentionResponder:
        """The decisions about mentions, and the replies."""
        from ceos.mentions.responder import MentionResponder, Services
        from ceos.runs.cast_limit import CastLimit

        return MentionResponder(
            Services(
                agents=self.agents,
                inbox=self.inbox,
                claims=self.claims,
                plugins=self.plugins,
                model=self.paid_model,
                relevance=self.relevance,
                neynar=self.neynar,
                limit=CastLimit(self.database),
                clock=self.clock,
            )
        )

    @cached_property
    def series(self) -> Series:
        """The numbers of accounts and posts over time."""
        from ceos.metrics.timeseries import Series

        return Series(self.database)

    @cached_property
    def scoring(self) -> Scoring:
        """What the numbers say of the agents."""
        from ceos.metrics.scorer import Scoring

        return Scoring(self.series)

    @cached_property
    def measuring(self) -> Measuring:
        """Who collects the numbers."""
        from ceos.metrics.collector import Measuring

        return Measuring(
            self.agents,
            self.runs,
            self.ledger,
            self.neynar,
            self.clock,
            metrics=self.metrics,
            series=self.series,
            scoring=self.scoring,
            sleep=self.sleep,
        )

    @cached_property
    def trend_store(self) -> TrendStore:
        """What is kept of trends."""
        from ceos.trends.store import TrendStore

        return TrendStore(self.database)

    @cached_property
    def trends(self) -> TrendWatch:
        """How agents hear of what many talk about."""
        from ceos.trends.monitor import TrendWatch, Watch
        from ceos.trends.relevance import TrendRelevance

        return TrendWatch(
            Watch(
                agents=self.agents,
                ops=self.ops,
                trends=self.trend_store,
                neynar=self.neynar,
                relevance=TrendRelevance(self.relevance),
                clock=self.clock,
                seconds=self.settings.trends_seconds,
            )
        )

    @cached_property
    def event_posts(self) -> EventPosts:
        """How agents come to post about what happens on chain."""
        from ceos.chain.events.posts import EventPosts

        return EventPosts(self.database, self.ledger, self.clock)

    @cached_property
    def chain(self) -> Chain:
        """Everything about Base; loaded only now, for it is heavy."""
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
        from ceos.trends.source import TrendSource

        return RunSources(
            [
                self.schedule_source,
                MentionSource(self.responder, self.inbox, self.claims, self.clock),
                TrendSource(self.trend_store, self.plugins, self.clock),
                EventSource(EventStore(self.database), self.plugins, self.clock),
            ]
        )

    @cached_property
    def publisher(self) -> Publisher:
        """The publisher of casts and reactions."""
        from ceos.posts.publisher import Publisher
        from ceos.runs.cast_limit import CastLimit

        return Publisher(
            self.ledger,
            self.neynar,
            self.plugins,
            CastLimit(self.database),
            self.signer,
            clock=self.clock,
            settle_seconds=self.settings.settle_seconds,
            stopping=self.stopping,
        )

    @cached_property
    def pipeline(self) -> Pipeline:
        """The path of one post."""
        from ceos.engine.pipeline import Pipeline
        from ceos.engine.stages import Stages
        from ceos.posts.illustrator import Illustrator
        from ceos.posts.writer import Writer
        from ceos.runs.budget import Budget

        return Pipeline(
            stages=Stages(self.ledger, self.agents, self.sources),
            runs=self.runs,
            plugins=self.plugins,
            writer=Writer(self.paid_model, self.plugins, self.skills),
            illustrator=Illustrator(self.fal, Budget(self.database), self.clock),
            publisher=self.publisher,
            measure=self.measuring.measure,
            should_skip=self.scoring.passes_over,
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

    # The servers

    @property
    def redis_url(self) -> str:
        """Where the data is kept."""
        return self.settings.redis_url or embedded.url(self.settings.home_folder())

    @property
    def broker_url(self) -> str:
        """Where the messages are kept: the same server's next logical database unless the operator says otherwise."""
        return self.settings.broker_url or next_database(self.redis_url)

    def ensure_server(self) -> None:
        """Start the embedded server, or start it again, if this process relies on one."""
        if self._server:
            self._server.ensure()

    def check_servers(self) -> None:
        """Raise `StoreMisconfigured` unless Redis keeps what it is given and messages have their own database."""
        check_databases_differ(self.redis_url, self.broker_url)
        self.ops.check_configuration()
        OpsStore(Database(connect(self.broker_url))).check_configuration()

    def sleep(self, seconds: float) -> None:
        """Wait between two attempts of a call, unless the process is told to stop; then raise `ShuttingDown`."""
        from ceos.runs.deferral import ShuttingDown

        if self.stopping.wait(seconds):
            raise ShuttingDown

    def _wait_for_place(self, seconds: float) -> None:
        """As `sleep`, but what stops here has certainly not left, and the caller should know."""
        if self.stopping.wait(seconds):
            raise RateLimited("released at shutdown", status=None, retry_after=0.0)

    def close(self) -> None:
        """End the sandbox, and let go of the embedded server; the last user's leaving stops it."""
        if "sandbox" in self.__dict__:
            self.sandbox.close()
        if "database" in self.__dict__:
            self.database.client.close()
        if self._server:
            self._server.release()

    # Operations that tests and scripts call by these names

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

    def signer(self, agent: Agent) -> str:
        """Return the signer id of an agent; raises `KeyRefused` when its environment variable is not set."""
        from ceos.config.signers import signer_of

        return signer_of(agent, self.settings)


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
