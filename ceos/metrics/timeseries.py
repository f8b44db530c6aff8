"""The numbers of accounts and posts over time, kept small: hourly for 30 days, daily for ever, posts one by one for 90.

    series.note({"ada": AccountCounts(followers=120, following=8, storage=31)}, hour)
    series.hourly("ada", since)      every point of the last 30 days; an hour nobody could count is simply not there
    series.daily("ada")              each finished day's last, least and most

What is kept is `packing`'s short text, one for each agent and day (hourly), or year (daily). It grows by a
compare-and-set: a moment that is there already, or one before the last, changes nothing, however often and by whomever
it is noted.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from ceos.domain.base import Frozen
from ceos.domain.posts import CastMetrics, Kind
from ceos.metrics.store import pack_measurements, unpack_measurements
from ceos.storage.agents import AgentStore
from ceos.storage.codec import Row, pack, unpack
from ceos.storage.connection import Database, redis_errors

HOUR = 3600
DAY_HOURS = 24
#: How long hourly points, single posts, and the counts of slots are kept, in days.
HOURLY_DAYS, POST_DAYS, TALLY_DAYS = 30, 90, 35
#: How many agents are read or written in one round trip.
BATCH = 100
#: When the days that are over are folded; last week's score has settled by then as well, see `scoring`.
FOLD_AT = dt.timedelta(hours=3)
#: How long one process may count accounts before another tries, in milliseconds.
CLAIM_MS = 600_000
#: Columns of an account's daily row: last, least and most of each count.
DAILY_COLUMNS = 9


class AccountCounts(Frozen):
    """What was counted of an account at one moment; None where nobody could."""

    #: Accounts that follow it.
    followers: int | None = None
    #: Accounts that it follows.
    following: int | None = None
    #: Casts that fill its rented storage.
    storage: int | None = None


@dataclass(frozen=True)
class Span:
    """The last, the least and the most of a day."""

    last: int
    least: int
    most: int


@dataclass(frozen=True)
class Day:
    """What is kept of an account's day for ever."""

    date: dt.date
    followers: Span | None
    following: Span | None
    storage: Span | None


@dataclass(frozen=True)
class PostDay:
    """What is kept for ever of the posts that were published on one day, by their last counts."""

    date: dt.date
    posts: int
    likes: int
    recasts: int
    replies: int
    #: None when they were counted for none of the posts.
    quotes: int | None
    #: Likes, recasts, replies and quotes of the weakest and of the best post.
    least: int
    most: int


class PostRecord(Frozen):
    """One post and its counts, all its casts together, at each measurement."""

    slot: str
    at: dt.datetime
    kind: Kind | None
    parts: int
    attempts: int
    repeats: bool
    #: The account's followers at the first measurement at which they were known.
    followers: int | None
    #: Oldest first; the hash is that of no cast.
    counts: tuple[CastMetrics, ...]

    def day_old(self, before: dt.datetime | None = None) -> CastMetrics | None:
        """Return the counts about a day after publication, or the nearest before that, or else the first there are.

        `before` leaves out what was measured from that moment on; None without any counts.
        """
        known = [row for row in self.counts if before is None or row.at < before]
        early = [row for row in known if row.at - self.at <= dt.timedelta(hours=36)]
        return early[-1] if early else (known[0] if known else None)


class Series:
    """The time series of all agents."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    # Accounts

    def claim_count(self, hour: int) -> bool:
        """Say whether the caller shall count the accounts of this hour; of all that ask, one at a time."""
        return bool(self._database.run_script("count", hour, CLAIM_MS, 0))

    def counted(self, hour: int) -> None:
        """Note that the accounts of this hour were counted."""
        self._database.run_script("count", hour, CLAIM_MS, 1)

    def note(self, counts: Mapping[str, AccountCounts], hour: int) -> None:
        """Keep what was counted of accounts in an hour, counted since 1970; an hour that is there stays as it is."""
        wanted = dict(counts)
        field = f"h{hour // DAY_HOURS}"
        for _ in range(5):
            old = self._fields(wanted, field)
            changes: list[_Change] = []
            for agent_id, found in wanted.items():
                rows = unpack(old[agent_id], 3, step=1)
                if rows and rows[-1][0] >= hour:
                    continue
                rows.append((hour, (found.followers, found.following, found.storage)))
                changes.append((agent_id, _series(agent_id), field, old[agent_id], pack(rows, step=1)))
            refused = self._keep(changes)
            # Another process was quicker with some of them: look again.
            wanted = {change[0]: wanted[change[0]] for change in refused}
            if not wanted:
                return

    def noted(self, agent_ids: Sequence[str], hour: int) -> set[str]:
        """Return which of the agents have a point of this hour already."""
        old = self._fields(agent_ids, f"h{hour // DAY_HOURS}")
        return {one for one in agent_ids if any(at == hour for at, _ in unpack(old[one], 3, step=1))}

    def hourly(self, agent_id: str, since: dt.datetime | None = None) -> list[tuple[dt.datetime, AccountCounts]]:
        """Return the hourly points from `since` on, oldest first."""
        rows = self._hours(self._all(agent_id))
        return [
            (_moment(at), AccountCounts(followers=numbers[0], following=numbers[1], storage=numbers[2]))
            for at, numbers in rows
            if since is None or _moment(at) >= since
        ]

    def latest(self, agent_ids: Sequence[str], at: dt.datetime) -> dict[str, int]:
        """Return the last known followers of agents in the two days before a moment; unknown ones are left out."""
        day = int(at.timestamp()) // HOUR // DAY_HOURS
        found: dict[str, int] = {}
        for one in (day - 1, day):
            for agent_id, text in self._fields(agent_ids, f"h{one}").items():
                rows = unpack(text, 3, step=1)
                found.update((agent_id, row[0]) for hour, row in rows if row[0] is not None and _moment(hour) <= at)
        return found

    def daily(self, agent_id: str) -> list[Day]:
        """Return the finished days of which anything is known, oldest first."""
        rows = [row for year, text in self._years(agent_id, "d") for row in unpack(text, DAILY_COLUMNS, step=1)]
        return [Day(_date(day), *(_span(numbers[at : at + 3]) for at in (0, 3, 6))) for day, numbers in rows]

    def post_days(self, agent_id: str) -> list[PostDay]:
        """Return the days whose posts are not counted any more, oldest first."""
        rows = [row for _, text in self._years(agent_id, "p") for row in unpack(text, 7, step=1)]
        return [PostDay(_date(day), *cast("Any", numbers)) for day, numbers in rows]

    # Posts

    def note_post(self, agent_id: str, record: PostRecord) -> None:
        """Keep a post's record in the place of the one there was."""
        key, old = f"ceos:posts:{agent_id}", self._post(agent_id, record.slot)
        self._keep([(agent_id, key, record.slot, old, _pack_post(record))])

    def post(self, agent_id: str, slot: str) -> PostRecord | None:
        """Return the record of one post, or None."""
        text = self._post(agent_id, slot)
        return _unpack_post(slot, text) if text else None

    def posts(self, agent_id: str, since: dt.datetime | None = None) -> list[PostRecord]:
        """Return the agent's posts of the last 90 days that were measured, oldest first."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:posts:{agent_id}"))
        records = sorted((_unpack_post(slot, text) for slot, text in rows.items()), key=lambda one: (one.at, one.slot))
        return [record for record in records if since is None or record.at >= since]

    # Slots and scores

    def tally(self, agent_id: str, days: Iterable[int]) -> dict[str, int]:
        """Return how many slots of these days, counted since 1970, were published, failed, missed and so on."""
        wanted = set(days)
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:tally:{agent_id}"))
        found: dict[str, int] = {}
        for field, count in rows.items():
            day, _, what = field.partition(":")
            if int(day) in wanted:
                found[what] = found.get(what, 0) + int(count)
        return found

    def scores(self, agent_id: str) -> dict[str, str]:
        """Return the stored weeks with their JSON, oldest first."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:scores:{agent_id}"))
        return dict(sorted(rows.items()))

    def keep_score(self, agent_id: str, week: str, text: str) -> bool:
        """Keep a week's score; return whether it is new. What is kept never changes."""
        change = (agent_id, f"ceos:scores:{agent_id}", week, "", text)
        return not self._database.run_script("keep", json.dumps([change]))

    # Retention

    def unfolded(self, agent_ids: Sequence[str], now: dt.datetime) -> list[str]:
        """Return the agents whose series were not folded yet today; today begins at 3 o'clock, UTC."""
        today = str(_day_of(now - FOLD_AT))
        marks = [mark for chunk in _chunks(agent_ids) for mark in self._fields(chunk, "folded").items()]
        return [agent_id for agent_id, mark in marks if mark != today]

    def fold(self, agent_id: str, now: dt.datetime) -> None:
        """Turn finished days into daily rows and drop what is too old; again changes nothing."""
        today = _day_of(now)
        everything = self._all(agent_id)
        key = _series(agent_id)
        changes = self._fold_accounts(agent_id, everything, today)
        changes.append((agent_id, key, "folded", everything.get("folded", ""), str(_day_of(now - FOLD_AT))))
        changes += [
            (agent_id, key, field, text, "")
            for field, text in everything.items()
            if field.startswith("h") and int(field[1:]) < today - HOURLY_DAYS
        ]
        posts = self.posts(agent_id)
        changes += self._fold_posts(agent_id, everything, posts, today)
        for record in posts:
            if now - record.at > dt.timedelta(days=POST_DAYS):
                changes.append((agent_id, f"ceos:posts:{agent_id}", record.slot, self._post(agent_id, record.slot), ""))
        changes += self._old_tallies(agent_id, today)
        self._keep(changes)

    def _fold_accounts(self, agent_id: str, everything: dict[str, str], today: int) -> list[_Change]:
        rows = self._hours(everything)
        days = {
            day: _spans([numbers for _, numbers in hours])
            for day, hours in groupby(rows, key=lambda row: row[0] // DAY_HOURS)
            if day < today
        }
        return _grown(agent_id, everything, "d", days, DAILY_COLUMNS)

    def _fold_posts(
        self, agent_id: str, everything: dict[str, str], posts: Sequence[PostRecord], today: int
    ) -> list[_Change]:
        # The last measurement is a week old by then, or there will be none.
        done = [record for record in posts if _day_of(record.at) < today - 8 and record.counts]
        days = {
            day: _sums([record.counts[-1] for record in records])
            for day, records in groupby(done, key=lambda record: _day_of(record.at))
        }
        return _grown(agent_id, everything, "p", days, 7)

    def _old_tallies(self, agent_id: str, today: int) -> list[_Change]:
        key = f"ceos:tally:{agent_id}"
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(key))
        old = {field: count for field, count in rows.items() if int(field.partition(":")[0]) < today - TALLY_DAYS}
        return [(agent_id, key, field, count, "") for field, count in old.items()]

    # Redis

    def _keep(self, changes: Sequence[_Change]) -> list[_Change]:
        """Make changes, each only if its field still is what was read; return those that were not made."""
        if not changes:
            return []
        refused = cast("list[int]", self._database.run_script("keep", json.dumps(changes)))
        gone = (
            {changes[number - 1][0] for number in refused} - set(AgentStore(self._database).agent_ids())
            if refused
            else set()
        )
        return [changes[number - 1] for number in refused if changes[number - 1][0] not in gone]

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

    def _hours(self, everything: Mapping[str, str]) -> list[Row]:
        rows = [row for field, text in everything.items() if field[0] == "h" for row in unpack(text, 3, step=1)]
        return sorted(rows)

    def _post(self, agent_id: str, slot: str) -> str:
        with redis_errors():
            return cast("str | None", self._client.hget(f"ceos:posts:{agent_id}", slot)) or ""


#: Agent, key, field, what was read, what it shall become; "" for a field that is not there.
_Change = tuple[str, str, str, str, str]


def _chunks(agent_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(agent_ids), BATCH):
        yield agent_ids[start : start + BATCH]


def _series(agent_id: str) -> str:
    return f"ceos:series:{agent_id}"


def _grown(
    agent_id: str, everything: Mapping[str, str], letter: str, days: Mapping[int, tuple[int | None, ...]], columns: int
) -> list[_Change]:
    """Return the changes that add days to the years they belong to; days before the last one known are left out."""
    changes: list[_Change] = []
    for year, members in groupby(sorted(days), key=lambda day: _date(day).year):
        field = f"{letter}{year}"
        old = everything.get(field, "")
        rows = unpack(old, columns, step=1)
        last = rows[-1][0] if rows else -1
        new = [(day, days[day]) for day in members if day > last]
        if new:
            changes.append((agent_id, _series(agent_id), field, old, pack([*rows, *new], step=1)))
    return changes


def _spans(rows: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """Return last, least and most of each column."""
    found: list[int | None] = []
    for values in zip(*rows, strict=True):
        known = [value for value in values if value is not None]
        found += [known[-1], min(known), max(known)] if known else [None, None, None]
    return tuple(found)


def _span(numbers: Sequence[int | None]) -> Span | None:
    last, least, most = numbers
    return None if last is None or least is None or most is None else Span(last, least, most)


def _sums(counts: Sequence[CastMetrics]) -> tuple[int | None, ...]:
    quotes = [count.quotes for count in counts if count.quotes is not None]
    each = [interactions(count) for count in counts]
    return (
        len(counts),
        sum(count.likes for count in counts),
        sum(count.recasts for count in counts),
        sum(count.replies for count in counts),
        sum(quotes) if quotes else None,
        min(each),
        max(each),
    )


def interactions(counts: CastMetrics) -> int:
    """Return likes, recasts, replies and quotes together."""
    return counts.likes + counts.recasts + counts.replies + (counts.quotes or 0)


def _pack_post(record: PostRecord) -> str:
    fields = [
        int(record.at.timestamp()),
        record.kind,
        record.parts,
        record.attempts,
        int(record.repeats),
        record.followers,
        pack_measurements(record.counts),
    ]
    return json.dumps(fields, separators=(",", ":"))


def _unpack_post(slot: str, text: str) -> PostRecord:
    at, kind, parts, attempts, repeats, followers, counts = json.loads(text)
    return PostRecord(
        slot=slot,
        at=dt.datetime.fromtimestamp(at, dt.UTC),
        kind=kind,
        parts=parts,
        attempts=attempts,
        repeats=bool(repeats),
        followers=followers,
        counts=tuple(unpack_measurements("", counts)),
    )


def _moment(hour: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(hour * HOUR, dt.UTC)


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def _day_of(at: dt.datetime) -> int:
    return int(at.timestamp()) // HOUR // DAY_HOURS
