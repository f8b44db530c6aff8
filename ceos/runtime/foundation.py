"""The lowest layer of the runtime: settings, clock, the servers, and the stores in Redis."""

from __future__ import annotations

import threading
import warnings
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ceos.clock import Clock
from ceos.errors import RateLimited
from ceos.settings import Settings
from ceos.storage import embedded
from ceos.storage.addresses import check_databases_differ, next_database
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database, connect
from ceos.storage.ops import OpsStore
from ceos.storage.runs import RunStore

if TYPE_CHECKING:
    from ceos.mentions.store import MentionStore
    from ceos.metrics.store import MetricsStore, SeriesStore
    from ceos.posts.store import RetractionStore
    from ceos.runs.ledger import Ledger
    from ceos.skills.store import SkillStore
    from ceos.trends.store import TrendStore


class Foundation:
    """The parts that need nothing but the settings and Redis."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        self.clock = Clock(settings.clock_speed, settings.clock_origin)
        self._server = None if settings.redis_url else embedded.EmbeddedServer(settings.home_folder())

    @cached_property
    def database(self) -> Database:
        """The data in Redis, or in the embedded server, which is started if it does not run."""
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

    @cached_property
    def mention_store(self) -> MentionStore:
        """The mentions, the cursors of polls, decisions and claims."""
        from ceos.mentions.store import MentionStore

        return MentionStore(self.database)

    @cached_property
    def series(self) -> SeriesStore:
        """The time series of accounts and posts."""
        from ceos.metrics.store import SeriesStore

        return SeriesStore(self.database)

    @cached_property
    def retractions(self) -> RetractionStore:
        """The retractions of operators."""
        from ceos.posts.store import RetractionStore

        return RetractionStore(self.database)

    @cached_property
    def trend_store(self) -> TrendStore:
        """The trends, their relevance, and the ones that agents took up."""
        from ceos.trends.store import TrendStore

        return TrendStore(self.database)

    @cached_property
    def ledger(self) -> Ledger:
        """The run ledger."""
        from ceos.metrics.store import MEASURE_HOURS
        from ceos.runs.ledger import Ledger

        return Ledger(
            self.database,
            lease_seconds=self.settings.lease_seconds,
            review_hours=self.settings.review_hours,
            first_measurement_seconds=MEASURE_HOURS[0] * 3600 / self.clock.speed,
        )

    @property
    def redis_url(self) -> str:
        """The address of the data."""
        return self.settings.redis_url or embedded.url(self.settings.home_folder())

    @property
    def broker_url(self) -> str:
        """The address of the messages: by default, the next logical database of the server that has the data."""
        return self.settings.broker_url or next_database(self.redis_url)

    def ensure_server(self) -> None:
        """Start the embedded server if this process uses one and it does not run."""
        if self._server:
            self._server.ensure()

    def check_servers(self) -> None:
        """Raise `StoreMisconfigured` unless Redis persists its data and messages have a database of their own."""
        check_databases_differ(self.redis_url, self.broker_url)
        self.ops.check_configuration()
        OpsStore(Database(connect(self.broker_url))).check_configuration()

    def sleep(self, seconds: float) -> None:
        """Wait between two attempts of a call; raises `ShuttingDown` as soon as the process has to stop."""
        from ceos.runs.deferral import ShuttingDown

        if self.stopping.wait(seconds):
            raise ShuttingDown

    def _wait_for_place(self, seconds: float) -> None:
        """Wait before a request is sent; a shutdown raises `RateLimited`, which says that the request was not sent."""
        if self.stopping.wait(seconds):
            raise RateLimited("released at shutdown", status=None, retry_after=0.0)

    @property
    def store(self) -> Any:
        """All stores in one object, as in version 0.1; deprecated."""
        warnings.warn(
            "runtime.store is deprecated and goes with version 0.3: use runtime.agents, runtime.runs or runtime.ops.",
            DeprecationWarning,
            stacklevel=2,
        )
        parts = (self.agents, self.runs, self.ops, self.metrics, self.skill_store, self.mention_store, self.database)
        return SimpleNamespace(
            **{name: getattr(one, name) for one in parts for name in dir(one) if not name.startswith("_")}
        )

    def close(self) -> None:
        """Close the connections, and release the embedded server, which its last user stops."""
        if "database" in self.__dict__:
            self.database.client.close()
        if self._server:
            self._server.release()
