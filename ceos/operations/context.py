"""The parts of the wired system that operations use; `ceos.runtime.Runtime` provides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ceos.chain.events.posts import EventPosts
    from ceos.chain.wiring import Chain
    from ceos.clients.fal.client import Fal
    from ceos.clients.neynar.client import Neynar
    from ceos.clients.openrouter.prices import Catalogue
    from ceos.clock import Clock
    from ceos.engine.pipeline import Pipeline
    from ceos.engine.sources import ScheduleSource
    from ceos.mentions.store import MentionStore
    from ceos.metrics.scorer import Scorer
    from ceos.metrics.store import SeriesStore
    from ceos.plugins.manager import Plugins
    from ceos.posts.history import PostHistory
    from ceos.posts.store import RetractionStore
    from ceos.runs.ledger import Ledger
    from ceos.settings import Settings
    from ceos.skills.lockfile import SkillLock
    from ceos.skills.store import SkillStore
    from ceos.storage.agents import AgentStore
    from ceos.storage.connection import Database
    from ceos.storage.ops import OpsStore
    from ceos.storage.runs import RunStore
    from ceos.trends.store import TrendStore


class Context(Protocol):
    """The wired system. Each part is built, and its modules are loaded, when it is first used."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def database(self) -> Database: ...
    @property
    def agents(self) -> AgentStore: ...
    @property
    def runs(self) -> RunStore: ...
    @property
    def ops(self) -> OpsStore: ...
    @property
    def skill_store(self) -> SkillStore: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def model_catalogue(self) -> Catalogue: ...
    @property
    def plugins(self) -> Plugins: ...
    @property
    def skill_lock(self) -> SkillLock: ...
    @property
    def fal(self) -> Fal: ...
    @property
    def pipeline(self) -> Pipeline: ...
    @property
    def post_history(self) -> PostHistory: ...
    @property
    def schedule_source(self) -> ScheduleSource: ...
    @property
    def mention_store(self) -> MentionStore: ...
    @property
    def series(self) -> SeriesStore: ...
    @property
    def scoring(self) -> Scorer: ...
    @property
    def retractions(self) -> RetractionStore: ...
    @property
    def neynar(self) -> Neynar: ...
    @property
    def trend_store(self) -> TrendStore: ...
    @property
    def event_posts(self) -> EventPosts: ...
    @property
    def chain(self) -> Chain: ...
