"""The numbers in Redis: the counts of casts, which measurements are due, and the time series of accounts and posts."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ceos.domain.posts import Cast, CastMetrics
from ceos.metrics.timeseries import (
    DAY_COLUMNS,
    DAY_HOURS,
    HOUR,
    HOUR_COLUMNS,
    HOURLY_DAYS,
    POST_COLUMNS,
    POST_DAYS,
    TALLY_DAYS,
    AccountCounts,
    Day,
    PostDay,
    PostRecord,
    add_days,
    date_of,
    day_of,
    moment_of_hour,
    pack_measurements,
    pack_post,
    span_of,
    summarize_hours,
    summarize_posts,
    unpack_hours,
    unpack_measurements,
    unpack_post,
)
from ceos.runs.ids import RunId
from ceos.storage.agents import AgentStore
from ceos.storage.codec import pack, unpack
from ceos.storage.connection import Database, redis_errors

#: When a due measurement that no worker made is due again, in milliseconds.
RETRY_MS = 600_000
#: How many agents are read or written in one round trip.
BATCH = 100
#: When finished days are folded; last week's score has settled by then as well, see `scorer`.
FOLD_AT = dt.timedelta(hours=3)
#: How long one process may count accounts before another tries, in milliseconds.
CLAIM_MS = 600_000

#: The times at which the casts of a run are measured, in hours after publication.
MEASURE_HOURS = (1, 6, 24, 168)


class MetricsStore:
    """Reads and writes the measurements of casts."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._client = database.client

    def due_measurements(self, limit: int = 200) -> list[str]:
        """Return runs whose casts should be measured now, and make each due again later in case no worker does it."""
        return cast("list[str]", self.database.run_script("measure", limit, RETRY_MS))

    def cast_hashes(self, run_id: str) -> dict[str, list[CastMetrics]]:
        """Return the measurements so far of every cast of a published run."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:metrics:{run_id}"))
        return {hash: unpack_measurements(hash, row) for hash, row in rows.items()}

    def record_metrics(self, run_id: str, metrics: Iterable[CastMetrics], next_due_ms: int | None) -> None:
        """Append one measurement per cast, unless one of that minute is there, and set the time of the next or none."""
        known = self.cast_hashes(run_id)
        with redis_errors():
            pipe = self._client.pipeline()
            for item in metrics:
                if item.hash in known and not any(row.at >= _minute(item.at) for row in known[item.hash]):
                    pipe.hset(f"ceos:metrics:{run_id}", item.hash, pack_measurements((*known[item.hash], item)))
            if next_due_ms is None:
                pipe.zrem("ceos:measure", run_id)
            else:
                pipe.zadd("ceos:measure", {run_id: next_due_ms}, xx=True)
            pipe.execute()

    def measured_casts(self, agent_id: str) -> list[tuple[Cast, CastMetrics]]:
        """Return those of the agent's last 50 casts that were measured, each with its latest counts, newest first."""
        rows = cast("list[str]", self.database.run_script("numbers", agent_id))
        return [
            (one, unpack_measurements(one.hash, measured)[-1])
            for one, measured in zip(map(Cast.model_validate_json, rows[::2]), rows[1::2], strict=True)
        ]


class SeriesStore:
    """Reads and writes the time series of all agents.

    A series is a packed text for each agent and day (hourly) or year (daily). It grows by a compare-and-set: a moment
    that is stored already, or one before the last, changes nothing, however often it is written.

        series.add_counts({"ada": AccountCounts(followers=120, following=8, storage=31)}, hour)
        series.hourly("ada", since)      # the points of the last 30 days; an hour that was not counted is absent
        series.daily("ada")              # last, minimum and maximum of each finished day
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    # Accounts

    def claim_count(self, hour: int) -> bool:
        """Claim the count of this hour's accounts, for one process at a time; return whether the caller has it."""
        return bool(self._database.run_script("count", hour, CLAIM_MS, 0))

    def finish_count(self, hour: int) -> None:
        """Record that the accounts of this hour were counted."""
        self._database.run_script("count", hour, CLAIM_MS, 1)

    def add_counts(self, counts: Mapping[str, AccountCounts], hour: int) -> None:
        """Store the counts of accounts in an hour (counted since 1970), unless that hour is stored already."""
        wanted = dict(counts)
        field = f"h{hour // DAY_HOURS}"
        for _ in range(5):
            old = self._fields(wanted, field)
            changes: list[_Change] = []
            for agent_id, found in wanted.items():
                rows = unpack(old[agent_id], HOUR_COLUMNS, step=1)
                if rows and rows[-1][0] >= hour:
                    continue
                rows.append((hour, (found.followers, found.following, found.storage)))
                changes.append((agent_id, _series(agent_id), field, old[agent_id], pack(rows, step=1)))
            refused = self._apply(changes)
            # Another process stored some of them first: read those again.
            wanted = {change[0]: wanted[change[0]] for change in refused}
            if not wanted:
                return

    def counted_agents(self, agent_ids: Sequence[str], hour: int) -> set[str]:
        """Return the agents that have a point of this hour already."""
        old = self._fields(agent_ids, f"h{hour // DAY_HOURS}")
        return {one for one in agent_ids if any(at == hour for at, _ in unpack(old[one], HOUR_COLUMNS, step=1))}

    def hourly(self, agent_id: str, since: dt.datetime | None = None) -> list[tuple[dt.datetime, AccountCounts]]:
        """Return the hourly points from `since` on, oldest first."""
        rows = unpack_hours(text for field, text in self._all(agent_id).items() if field[0] == "h")
        return [
            (moment_of_hour(at), AccountCounts(followers=numbers[0], following=numbers[1], storage=numbers[2]))
            for at, numbers in rows
            if since is None or moment_of_hour(at) >= since
        ]

    def latest(self, agent_ids: Sequence[str], at: dt.datetime) -> dict[str, int]:
        """Return the last known followers of agents in the two days before a moment; unknown ones are left out."""
        day = int(at.timestamp()) // HOUR // DAY_HOURS
        found: dict[str, int] = {}
        for one in (day - 1, day):
            for agent_id, text in self._fields(agent_ids, f"h{one}").items():
                rows = unpack(text, HOUR_COLUMNS, step=1)
                found.update(
                    (agent_id, row[0]) for hour, row in rows if row[0] is not None and moment_of_hour(hour) <= at
                )
        return found

    def daily(self, agent_id: str) -> list[Day]:
        """Return the finished days with any count, oldest first."""
        rows = [row for year, text in self._years(agent_id, "d") for row in unpack(text, DAY_COLUMNS, step=1)]
        return [Day(date_of(day), *(span_of(numbers[at : at + 3]) for at in (0, 3, 6))) for day, numbers in rows]

    def post_days(self, agent_id: str) -> list[PostDay]:
        """Return the days whose posts are no longer measured, oldest first."""
        rows = [row for _, text in self._years(agent_id, "p") for row in unpack(text, POST_COLUMNS, step=1)]
        return [PostDay(date_of(day), *cast("Any", numbers)) for day, numbers in rows]

    # Posts

    def save_post(self, agent_id: str, record: PostRecord) -> None:
        """Store the record of a post, in place of an older one."""
        key, old = _posts(agent_id), self._post(agent_id, record.slot)
        self._apply([(agent_id, key, record.slot, old, pack_post(record))])

    def post(self, agent_id: str, slot: str) -> PostRecord | None:
        """Return the record of one post, or None."""
        text = self._post(agent_id, slot)
        return unpack_post(slot, text) if text else None

    def posts(self, agent_id: str, since: dt.datetime | None = None) -> list[PostRecord]:
        """Return the agent's posts of the last 90 days that were measured, oldest first."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(_posts(agent_id)))
        records = sorted((unpack_post(slot, text) for slot, text in rows.items()), key=lambda one: (one.at, one.slot))
        return [record for record in records if since is None or record.at >= since]

    # Slots and scores

    def tally(self, agent_id: str, days: Iterable[int]) -> dict[str, int]:
        """Return how many slots of these days (counted since 1970) were published, failed, missed and so on."""
        wanted = set(days)
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:tally:{agent_id}"))
        found: dict[str, int] = {}
        for field, count in rows.items():
            day, _, outcome = field.partition(":")
            if int(day) in wanted:
                found[outcome] = found.get(outcome, 0) + int(count)
        return found

    def scores(self, agent_id: str) -> dict[str, str]:
        """Return the stored weeks with their JSON, oldest first."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:scores:{agent_id}"))
        return dict(sorted(rows.items()))

    def save_score(self, agent_id: str, week: str, text: str) -> bool:
        """Store a week's score; return whether it is new. A stored score never changes."""
        change = (agent_id, f"ceos:scores:{agent_id}", week, "", text)
        return not self._database.run_script("keep", json.dumps([change]))

    # Retention

    def unfolded(self, agent_ids: Sequence[str], now: dt.datetime) -> list[str]:
        """Return the agents whose series were not folded yet today; a day begins at 3 o'clock, UTC."""
        today = str(day_of(now - FOLD_AT))
        marks = [mark for chunk in _chunks(agent_ids) for mark in self._fields(chunk, "folded").items()]
        return [agent_id for agent_id, mark in marks if mark != today]

    def fold(self, agent_id: str, now: dt.datetime) -> None:
        """Turn finished days into daily rows and delete expired points; repeatable."""
        today = day_of(now)
        stored, posts = self._all(agent_id), self.posts(agent_id)
        hours = unpack_hours(text for field, text in stored.items() if field[0] == "h")
        fields = add_days(stored, "d", summarize_hours(hours, today), DAY_COLUMNS)
        fields += add_days(stored, "p", summarize_posts(posts, today), POST_COLUMNS)
        fields.append(("folded", stored.get("folded", ""), str(day_of(now - FOLD_AT))))
        fields += [
            (field, text, "")
            for field, text in stored.items()
            if field[0] == "h" and int(field[1:]) < today - HOURLY_DAYS
        ]
        changes = [(agent_id, _series(agent_id), *change) for change in fields]
        changes += [
            (agent_id, _posts(agent_id), record.slot, self._post(agent_id, record.slot), "")
            for record in posts
            if now - record.at > dt.timedelta(days=POST_DAYS)
        ]
        changes += self._old_tallies(agent_id, today)
        self._apply(changes)

    def _old_tallies(self, agent_id: str, today: int) -> list[_Change]:
        key = f"ceos:tally:{agent_id}"
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(key))
        old = {field: count for field, count in rows.items() if int(field.partition(":")[0]) < today - TALLY_DAYS}
        return [(agent_id, key, field, count, "") for field, count in old.items()]

    # Redis

    def _apply(self, changes: Sequence[_Change]) -> list[_Change]:
        """Make each change whose field still holds the value that was read; return the changes that were not made."""
        if not changes:
            return []
        refused = cast("list[int]", self._database.run_script("keep", json.dumps(changes)))
        # Changes of removed agents are refused for good.
        known = AgentStore(self._database).agent_ids() if refused else []
        return [changes[number - 1] for number in refused if changes[number - 1][0] in known]

    def _fields(self, agent_ids: Iterable[str], field: str) -> dict[str, str]:
        ids = list(agent_ids)
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for agent_id in ids:
                pipe.hget(_series(agent_id), field)
            return {agent_id: text or "" for agent_id, text in zip(ids, pipe.execute(), strict=True)}

    def _all(self, agent_id: str) -> dict[str, str]:
        with redis_errors():
            return cast("dict[str, str]", self._client.hgetall(_series(agent_id)))

    def _years(self, agent_id: str, letter: str) -> list[tuple[str, str]]:
        return sorted((field, text) for field, text in self._all(agent_id).items() if field.startswith(letter))

    def _post(self, agent_id: str, slot: str) -> str:
        with redis_errors():
            return cast("str | None", self._client.hget(_posts(agent_id), slot)) or ""


@dataclass(frozen=True)
class StoredNumbers:
    """The numbers of an agent's posts as they are stored: texts, by slot and by year."""

    posts_key: str
    posts: Mapping[str, str]
    series_key: str
    years: Mapping[str, str]


class CorrectionStore:
    """Corrects stored numbers: once for each agent, all of its fields in one step."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def is_finished(self, name: str) -> bool:
        """Say whether a correction was made for all agents."""
        with redis_errors():
            return bool(self._client.hexists("ceos:corrections", name))

    def finish(self, name: str) -> None:
        """Record that a correction was made for all agents."""
        with redis_errors():
            self._client.hset("ceos:corrections", name, self._database.now_ms())

    def numbers(self, agent_id: str) -> StoredNumbers:
        """Return the stored numbers of an agent's posts."""
        with redis_errors():
            posts = cast("dict[str, str]", self._client.hgetall(_posts(agent_id)))
            series = cast("dict[str, str]", self._client.hgetall(_series(agent_id)))
        years = {field: text for field, text in series.items() if field.startswith("p")}
        return StoredNumbers(_posts(agent_id), posts, _series(agent_id), years)

    def measurements(self, run: RunId) -> dict[str, str]:
        """Return the packed measurements of a run's casts, in the order in which these were stored."""
        with redis_errors():
            return cast("dict[str, str]", self._client.hgetall(self.metrics_key(run)))

    def metrics_key(self, run: RunId) -> str:
        """Return the key of a run's measurements."""
        return f"ceos:metrics:{run}"

    def apply(self, agent_id: str, name: str, changes: Sequence[tuple[str, str, str, str]]) -> bool:
        """Replace fields, given as (key, field, stored text, new text), unless this correction was made before.

        Returns False, and replaces nothing, if a field has changed since it was read.
        """
        return str(self._database.run_script("correct", agent_id, name, json.dumps(changes))) != "changed"


#: Agent, key, field, the value that was read, the new value; "" for a field that does not exist.
_Change = tuple[str, str, str, str, str]


def _chunks(agent_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(agent_ids), BATCH):
        yield agent_ids[start : start + BATCH]


def _series(agent_id: str) -> str:
    return f"ceos:series:{agent_id}"


def _posts(agent_id: str) -> str:
    return f"ceos:posts:{agent_id}"


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)
