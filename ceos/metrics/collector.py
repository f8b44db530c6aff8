"""Collection of numbers: the reactions to casts at set ages, and every hour the followers and storage of accounts.

A count that cannot be read is a gap, never a zero: nothing is stored for it, and a later measurement tries again.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ceos.clients.http.rate_limit import in_background
from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.reads import USERS_PER_CALL
from ceos.clients.neynar.types import CastCounts, User
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Cast, CastMetrics
from ceos.domain.runs import Run
from ceos.domain.sketch import resembles
from ceos.errors import KeyRefused, NotFound, RateLimited, ServiceError
from ceos.guardrails.quality import TOO_SIMILAR
from ceos.logs import event
from ceos.metrics.responses import ResponseCounter
from ceos.metrics.scorer import Scorer
from ceos.metrics.store import MEASURE_HOURS, MetricsStore
from ceos.metrics.timeseries import AccountCounts, PostRecord
from ceos.posts.history import PostHistory
from ceos.runs.ids import RunId, RunKind
from ceos.storage.agents import AgentStore
from ceos.storage.runs import RunStore

log = logging.getLogger(__name__)

#: A message that is repeated within this time does not measure again.
MIN_INTERVAL = dt.timedelta(minutes=10)
#: Accounts whose storage is read in one hour, one call each; a larger fleet takes turns, with gaps in between.
MAX_STORAGE_READS_PER_HOUR = 3000
#: After this many failed calls in a row, storage is not read again until the next hour.
MAX_FAILURES = 3
#: How often, and how long each time, a call waits for the request limit.
MAX_WAITS, MAX_WAIT_SECONDS = 4, 30.0

T = TypeVar("T")


class MetricsCollector:
    """Reads the numbers from the service and stores them."""

    def __init__(
        self,
        agents: AgentStore,
        runs: RunStore,
        neynar: Neynar,
        clock: Clock,
        *,
        metrics: MetricsStore,
        scoring: Scorer,
        history: PostHistory,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._agents = agents
        self._runs = runs
        self._metrics = metrics
        self._neynar = neynar
        self._clock = clock
        self._series = scoring.series
        self._scoring = scoring
        self._history = history
        self._sleep = sleep
        self._responses = ResponseCounter(agents, neynar, self._ask)

    # Casts

    def measure(self, run_id: str) -> None:
        """Collect the counts of a published run's casts, and store when they are due again."""
        known = self._metrics.cast_hashes(run_id)
        if not known:
            return self._metrics.record_metrics(run_id, (), None)
        now = self._clock.now()
        taken = max(known.values(), key=len)
        if taken and now - taken[-1].at < MIN_INTERVAL:
            return self._save_post(run_id)
        counts = self._ask(lambda: self._neynar.casts(list(known)))
        rows = self._counted(run_id, counts, now)
        done = 1 + len(taken)
        wait = MEASURE_HOURS[done] - MEASURE_HOURS[done - 1] if done < len(MEASURE_HOURS) else None
        due = self._metrics.database.now_ms() + int(wait * 3_600_000 / self._clock.speed) if wait else None
        self._metrics.record_metrics(run_id, rows, due)
        self._save_post(run_id)
        log.info("Casts measured", extra=event("cast.measured", casts=len(rows), expected=len(known)))
        return None

    def _counted(self, run_id: str, counts: Mapping[str, CastCounts], now: dt.datetime) -> list[CastMetrics]:
        """Return the counts of a run's casts by others; a cast that was not counted is left out."""
        casts = self._runs.recent_casts(RunId.parse(run_id).agent_id)
        # A part that was deleted is not among the counts, and does not answer the part before it.
        followed = {cast.parent for cast in casts if cast.hash in counts}
        return [
            self._responses.count(hash, found, now, has_next_part=hash in followed)
            for hash, found in counts.items()
            if _is_counted(found)
        ]

    def _save_post(self, run_id: str) -> None:
        """Store the record of a post that scores and learning use, with the sums over its casts."""
        run = RunId.parse(run_id)
        # A reply is not a post: its topic is set by the conversation, not by the agent's mix of kinds.
        counts = [] if run.kind is RunKind.MENTION else summed(self._metrics.cast_hashes(run_id).values())
        if not counts:
            return
        record = self._series.post(run.agent_id, run.slot) or self._new_record(run_id)
        if record is None:
            return
        followers = record.followers
        if followers is None:
            followers = self._series.latest([run.agent_id], counts[0].at).get(run.agent_id)
        self._series.save_post(
            run.agent_id, record.model_copy(update={"followers": followers, "counts": tuple(counts)})
        )

    def _new_record(self, run_id: str) -> PostRecord | None:
        try:
            run = self._runs.run(run_id)
        except NotFound:
            # The run expired before its first measurement, so the kind of the post is unknown.
            return None
        casts = self._runs.recent_casts(run.agent_id)
        own = [cast for cast in casts if cast.hash in run.hashes]
        return PostRecord(
            slot=run.slot,
            at=self._by_the_clock(min((cast.at for cast in own), default=run.opened_at)),
            kind=run.kind,
            parts=len(run.hashes),
            attempts=run.draft.attempts if run.draft else 1,
            repeats=self._repeats(run, casts),
            followers=None,
            counts=(),
        )

    def _repeats(self, run: Run, casts: Sequence[Cast]) -> bool:
        """Say whether a part of the run repeats an earlier cast of the agent."""
        own = [cast for cast in casts if cast.hash in run.hashes]
        first = min((cast.at for cast in own), default=None)
        earlier = [cast.text for cast in casts if cast.hash not in run.hashes and first and cast.at < first]
        parts = self._history.sketched(cast.text for cast in own)
        return any(
            resembles(part.sketch, other.sketch, TOO_SIMILAR)
            for other in self._history.sketched(earlier)
            for part in parts
        )

    def _ask(self, call: Callable[[], T]) -> T:
        """Return the answer to a call of low priority, which waits while others use up the request limit."""
        with in_background():
            for _ in range(MAX_WAITS):
                try:
                    return call()
                except RateLimited as error:
                    self._sleep(min(error.retry_after or 1.0, MAX_WAIT_SECONDS))
            return call()

    def _by_the_clock(self, moment: dt.datetime) -> dt.datetime:
        """Convert a moment of Redis's clock to the clock of the schedules, which may run faster."""
        ago = self._metrics.database.now_ms() / 1000 - moment.timestamp()
        return self._clock.now() - dt.timedelta(seconds=ago * self._clock.speed)

    # Accounts

    def count(self) -> None:
        """Count followers, following and storage of all accounts for this hour, then settle scores and fold series.

        An hour in which a call failed is tried again until it is over; accounts counted before are not read again.
        """
        now = self._clock.now()
        hour = int(now.timestamp()) // 3600
        ids = self._agents.agent_ids()
        reads = _StorageReads(hour, len(ids))
        is_whole, counted = True, 0
        for chunk in _chunks(ids, USERS_PER_CALL):
            noted = self._series.counted_agents(chunk, hour)
            missing = [agent_id for agent_id in chunk if agent_id not in noted]
            try:
                found = self._accounts(missing, reads)
            except ServiceError as error:
                log.warning("Accounts could not be counted", extra=event("accounts.gap", error=str(error)))
                is_whole = False
                if isinstance(error, KeyRefused):
                    break
                continue
            self._series.add_counts(found, hour)
            counted += len(found)
        if is_whole:
            self._series.finish_count(hour)
        for agent_id in self._series.unfolded(ids, now):
            # In this order: an agent whose series are folded is skipped until tomorrow, and so would its scores be.
            self._scoring.settle(agent_id, now)
            self._series.fold(agent_id, now)
        log.info("Accounts counted", extra=event("accounts.counted", accounts=counted, agents=len(ids)))

    def _accounts(self, agent_ids: Sequence[str], reads: _StorageReads) -> dict[str, AccountCounts]:
        agents = [agent for agent_id in agent_ids if (agent := self._agent(agent_id))]
        users = self._ask(lambda: self._neynar.users([agent.fid for agent in agents])) if agents else {}
        found = {}
        for agent in agents:
            user = users.get(agent.fid)
            storage = self._storage(agent, reads)
            followers, following = _known_count(user, "followers"), _known_count(user, "following")
            # An account without any known count gets no point.
            if followers is not None or following is not None or storage is not None:
                found[agent.id] = AccountCounts(followers=followers, following=following, storage=storage)
        return found

    def _storage(self, agent: Agent, reads: _StorageReads) -> int | None:
        if not reads.is_due(agent.fid):
            return None
        try:
            storage = self._ask(lambda: self._neynar.storage(agent.fid))
        except ServiceError as error:
            log.warning("Storage could not be read", extra=event("storage.gap", agent=agent.id, error=str(error)))
            reads.failures += 1
            return None
        reads.failures = 0
        return storage.casts_used if "casts_used" in storage.model_fields_set else None

    def _agent(self, agent_id: str) -> Agent | None:
        try:
            return self._agents.agent(agent_id)
        except NotFound:
            return None  # removed in the meantime


class _StorageReads:
    """The accounts whose storage is read in this hour."""

    def __init__(self, hour: int, agents: int) -> None:
        self._hour = hour
        self._hours = max(1, -(-agents // MAX_STORAGE_READS_PER_HOUR))
        #: Failed calls in a row.
        self.failures = 0

    def is_due(self, fid: int) -> bool:
        """Say whether the storage of this account is read in this hour."""
        return self.failures < MAX_FAILURES and (fid + self._hour) % self._hours == 0


def summed(measurements: Iterable[Sequence[CastMetrics]]) -> list[CastMetrics]:
    """Return the counts of a post at each measurement, summed over its casts.

    A cast that could not be read at a measurement counts with its values of the measurement before.
    """
    casts = [list(rows) for rows in measurements if rows]
    found = []
    for at in sorted({row.at for rows in casts for row in rows}):
        latest = [early[-1] for rows in casts if (early := [row for row in rows if row.at <= at])]
        quotes = [row.quotes for row in latest if row.quotes is not None]
        found.append(
            CastMetrics(
                hash="",
                likes=sum(row.likes for row in latest),
                recasts=sum(row.recasts for row in latest),
                replies=sum(row.replies for row in latest),
                quotes=sum(quotes) if quotes else None,
                at=at,
            )
        )
    return found


def _is_counted(found: CastCounts) -> bool:
    # A negative count is an error of the service.
    return {"likes", "recasts", "replies"} <= found.model_fields_set and min(
        found.likes, found.recasts, found.replies
    ) >= 0


def _known_count(user: User | None, field: str) -> int | None:
    """Return a count that the service sent, or None where it left the field out."""
    count: int | None = getattr(user, field) if user and field in user.model_fields_set else None
    return count if count is not None and count >= 0 else None


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
