"""Collects the numbers: the reactions to casts at set ages, and every hour the followers and the storage of accounts.

What cannot be read is a gap and never a zero: nothing is written for it, and a later look tries again.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ceos.clients.http.rate_limit import in_background
from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.reads import USERS_PER_CALL
from ceos.clients.neynar.types import CastCounts, User
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Cast, CastMetrics
from ceos.domain.runs import Run
from ceos.domain.text import similarity
from ceos.errors import KeyRefused, NotFound, RateLimited, ServiceError
from ceos.guardrails.quality import TOO_SIMILAR
from ceos.logs import event
from ceos.metrics.scorer import Scoring
from ceos.metrics.store import MEASURE_HOURS, MetricsStore
from ceos.metrics.timeseries import AccountCounts, PostRecord, Series
from ceos.runs.ids import RunId, RunKind
from ceos.runs.ledger import Ledger
from ceos.storage.agents import AgentStore
from ceos.storage.runs import RunStore

log = logging.getLogger(__name__)

#: A repeated message does not count for the next measurement within this time.
REPEAT = dt.timedelta(minutes=10)
#: Accounts whose storage is read in one hour, a call each; a larger fleet takes turns, and gaps lie in between.
STORAGE_PER_HOUR = 3000
#: After so many failed calls in a row the service is left alone until the next hour.
GIVE_UP = 3
#: How often, and how long each time, a call waits for room under the limit of requests.
WAITS, MOST_WAIT_SECONDS = 4, 30.0

T = TypeVar("T")


class Measuring:
    """Reads the numbers and keeps them."""

    def __init__(
        self,
        agents: AgentStore,
        runs: RunStore,
        ledger: Ledger,
        neynar: Neynar,
        clock: Clock,
        *,
        metrics: MetricsStore,
        series: Series,
        scoring: Scoring,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._agents = agents
        self._runs = runs
        self._metrics = metrics
        self._ledger = ledger
        self._neynar = neynar
        self._clock = clock
        self._series = series
        self._scoring = scoring
        self._sleep = sleep

    # Casts

    def measure(self, run_id: str) -> None:
        """Collect the counts of a published run's casts, and note when they are due again."""
        known = self._metrics.cast_hashes(run_id)
        if not known:
            return self._metrics.record_metrics(run_id, (), None)
        now = self._clock.now()
        taken = max(known.values(), key=len)
        if taken and now - taken[-1].at < REPEAT:
            return self._note_post(run_id)
        counts = self._ask(lambda: self._neynar.casts(list(known)))
        rows = [self._counted(hash, found, now) for hash, found in counts.items() if _is_counted(found)]
        done = 1 + len(taken)
        wait = MEASURE_HOURS[done] - MEASURE_HOURS[done - 1] if done < len(MEASURE_HOURS) else None
        due = self._ledger.now_ms() + int(wait * 3_600_000 / self._clock.speed) if wait else None
        self._metrics.record_metrics(run_id, rows, due)
        self._note_post(run_id)
        log.info("Casts measured", extra=event("cast.measured", casts=len(rows), expected=len(known)))
        return None

    def _counted(self, hash: str, found: CastCounts, now: dt.datetime) -> CastMetrics:
        try:
            quotes = self._ask(lambda: self._neynar.quotes(hash))
        except ServiceError as error:
            log.warning("Quotes could not be counted", extra=event("quotes.gap", hash=hash, error=str(error)))
            quotes = None
        return CastMetrics(
            hash=hash, likes=found.likes, recasts=found.recasts, replies=found.replies, quotes=quotes, at=now
        )

    def _note_post(self, run_id: str) -> None:
        """Keep what scores and learning need of a post, with the sums of its casts."""
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
        self._series.note_post(
            run.agent_id, record.model_copy(update={"followers": followers, "counts": tuple(counts)})
        )

    def _new_record(self, run_id: str) -> PostRecord | None:
        try:
            run = self._runs.run(run_id)
        except NotFound:
            # Its record ran out before anybody could measure it; what sort of post it was nobody knows any more.
            return None
        casts = self._runs.recent_casts(run.agent_id)
        own = [cast for cast in casts if cast.hash in run.hashes]
        return PostRecord(
            slot=run.slot,
            at=self._by_the_clock(min((cast.at for cast in own), default=run.opened_at)),
            kind=run.kind,
            parts=len(run.hashes),
            attempts=run.draft.attempts if run.draft else 1,
            repeats=_repeats(run, casts),
            followers=None,
            counts=(),
        )

    def _ask(self, call: Callable[[], T]) -> T:
        """Return the answer to a call that is in no hurry: it leaves room for others, and waits until there is some."""
        with in_background():
            for _ in range(WAITS):
                try:
                    return call()
                except RateLimited as error:
                    self._sleep(min(error.retry_after or 1.0, MOST_WAIT_SECONDS))
            return call()

    def _by_the_clock(self, moment: dt.datetime) -> dt.datetime:
        """Return a moment that was noted by Redis's clock by the clock of the schedules, which may run faster."""
        ago = self._ledger.now_ms() / 1000 - moment.timestamp()
        return self._clock.now() - dt.timedelta(seconds=ago * self._clock.speed)

    # Accounts

    def count(self) -> None:
        """Count followers, following and storage of all accounts for this hour, then look after what is kept.

        An hour in which a call failed is tried again until it is over; what is noted already is not asked again.
        """
        now = self._clock.now()
        hour = int(now.timestamp()) // 3600
        ids = self._agents.agent_ids()
        turn = _Turns(hour, len(ids))
        is_whole, counted = True, 0
        for chunk in _chunks(ids, USERS_PER_CALL):
            noted = self._series.noted(chunk, hour)
            missing = [agent_id for agent_id in chunk if agent_id not in noted]
            try:
                found = self._accounts(missing, turn)
            except ServiceError as error:
                log.warning("Accounts could not be counted", extra=event("accounts.gap", error=str(error)))
                is_whole = False
                if isinstance(error, KeyRefused):
                    break
                continue
            self._series.note(found, hour)
            counted += len(found)
        if is_whole:
            self._series.counted(hour)
        for agent_id in self._series.unfolded(ids, now):
            # In this order: what is folded today is not looked after again before tomorrow.
            self._scoring.settle(agent_id, now)
            self._series.fold(agent_id, now)
        log.info("Accounts counted", extra=event("accounts.counted", accounts=counted, agents=len(ids)))

    def _accounts(self, agent_ids: Sequence[str], turn: _Turns) -> dict[str, AccountCounts]:
        agents = [agent for agent_id in agent_ids if (agent := self._agent(agent_id))]
        users = self._ask(lambda: self._neynar.users([agent.fid for agent in agents])) if agents else {}
        found = {}
        for agent in agents:
            user = users.get(agent.fid)
            storage = self._storage(agent, turn)
            followers, following = _told(user, "followers"), _told(user, "following")
            # Nothing known of it is no point at all.
            if followers is not None or following is not None or storage is not None:
                found[agent.id] = AccountCounts(followers=followers, following=following, storage=storage)
        return found

    def _storage(self, agent: Agent, turn: _Turns) -> int | None:
        if not turn.is_on(agent.fid):
            return None
        try:
            storage = self._ask(lambda: self._neynar.storage(agent.fid))
        except ServiceError as error:
            log.warning("Storage could not be read", extra=event("storage.gap", agent=agent.id, error=str(error)))
            turn.failures += 1
            return None
        turn.failures = 0
        return storage.casts_used if "casts_used" in storage.model_fields_set else None

    def _agent(self, agent_id: str) -> Agent | None:
        try:
            return self._agents.agent(agent_id)
        except NotFound:
            return None  # removed in the meantime


class _Turns:
    """Whose storage is read in this hour."""

    def __init__(self, hour: int, agents: int) -> None:
        self._hour = hour
        self._of = max(1, -(-agents // STORAGE_PER_HOUR))
        #: Failed calls in a row.
        self.failures = 0

    def is_on(self, fid: int) -> bool:
        """Say whether it is this account's turn."""
        return self.failures < GIVE_UP and (fid + self._hour) % self._of == 0


def summed(measurements: Iterable[Sequence[CastMetrics]]) -> list[CastMetrics]:
    """Return the counts of a post at each measurement: those of all its casts together.

    A cast that could not be read at a measurement counts with what it had before; counted that way, nothing is lost
    and nothing is made up.
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
    # Less than nothing is a mistake of the service's; nothing else here reckons with it.
    return {"likes", "recasts", "replies"} <= found.model_fields_set and min(
        found.likes, found.recasts, found.replies
    ) >= 0


def _told(user: User | None, field: str) -> int | None:
    """Return a count that the service told, as opposed to one that it left out."""
    count: int | None = getattr(user, field) if user and field in user.model_fields_set else None
    return count if count is not None and count >= 0 else None


def _repeats(run: Run, casts: Sequence[Cast]) -> bool:
    """Say whether a part of the run says what an earlier cast of the agent said."""
    own = [cast for cast in casts if cast.hash in run.hashes]
    first = min((cast.at for cast in own), default=None)
    earlier = [cast.text for cast in casts if cast.hash not in run.hashes and first and cast.at < first]
    return any(similarity(cast.text, text) >= TOO_SIMILAR for cast in own for text in earlier)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
