"""The time series of accounts and posts as values: their records, their packed form, and how days are summarized.

Hourly points are kept for 30 days, daily rows for ever, single posts for 90 days; see `store.SeriesStore`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ceos.domain.base import Frozen, from_ms
from ceos.domain.posts import CastMetrics, Kind
from ceos.storage.codec import Row, pack, unpack

HOUR = 3600
DAY_HOURS = 24
#: How long hourly points, single posts, and the counts of slots are kept, in days.
HOURLY_DAYS, POST_DAYS, TALLY_DAYS = 30, 90, 35
#: Columns of an account's hourly row, of its daily row (last, minimum and maximum of each count), and of a day's posts.
HOUR_COLUMNS, DAY_COLUMNS, POST_COLUMNS = 3, 9, 7
#: Posts are summarized this many days after publication, when their last measurement is a week old.
POSTS_FINAL_DAYS = 8


class AccountCounts(Frozen):
    """The counts of an account at one moment; None where they are unknown."""

    #: Accounts that follow it.
    followers: int | None = None
    #: Accounts that it follows.
    following: int | None = None
    #: The casts that occupy its rented storage.
    storage: int | None = None


@dataclass(frozen=True)
class Span:
    """The last, the lowest and the highest count of a day."""

    last: int
    lowest: int
    highest: int


@dataclass(frozen=True)
class Day:
    """The summary of an account's day, kept for ever."""

    date: dt.date
    followers: Span | None
    following: Span | None
    storage: Span | None


@dataclass(frozen=True)
class PostDay:
    """The sums over the posts of one day, by their last counts, kept for ever."""

    date: dt.date
    posts: int
    likes: int
    recasts: int
    replies: int
    #: None when quotes were counted for none of the posts.
    quotes: int | None
    #: Likes, recasts, replies and quotes together, of the weakest and of the best post.
    lowest: int
    highest: int


class PostRecord(Frozen):
    """A post and its counts at each measurement, summed over its casts."""

    slot: str
    at: dt.datetime
    kind: Kind | None
    parts: int
    attempts: int
    repeats: bool
    #: The account's followers at the first measurement at which they were known.
    followers: int | None
    #: Oldest first; their `hash` is empty.
    counts: tuple[CastMetrics, ...]

    def day_old(self, before: dt.datetime | None = None) -> CastMetrics | None:
        """Return the counts about a day after publication, or the nearest before that, or else the first.

        Measurements from the moment `before` on are ignored. None without any counts.
        """
        known = [row for row in self.counts if before is None or row.at < before]
        early = [row for row in known if row.at - self.at <= dt.timedelta(hours=36)]
        return early[-1] if early else (known[0] if known else None)


def pack_measurements(rows: Iterable[CastMetrics]) -> str:
    """Return measurements of one cast as they are stored: to the minute, see `storage.codec`."""
    return pack(
        (int(row.at.timestamp()) // 60, (row.likes, row.recasts, row.replies, row.quotes))
        for row in sorted(rows, key=lambda row: row.at)
    )


def unpack_measurements(hash: str, text: str) -> list[CastMetrics]:
    """Return the measurements of the cast `hash`, oldest first."""
    # Until version 0.1 they were stored as JSON, for 30 days.
    if text.startswith("["):
        return [CastMetrics.model_validate(item) for item in json.loads(text)]
    return [
        CastMetrics(
            hash=hash,
            at=from_ms(minute * 60_000),
            likes=likes or 0,
            recasts=recasts or 0,
            replies=replies or 0,
            quotes=quotes,
        )
        for minute, (likes, recasts, replies, quotes) in unpack(text, 4)
    ]


def unpack_hours(texts: Iterable[str]) -> list[Row]:
    """Return the hourly rows of several packed days, in order."""
    return sorted(row for text in texts for row in unpack(text, HOUR_COLUMNS, step=1))


def add_days(
    stored: Mapping[str, str], letter: str, days: Mapping[int, tuple[int | None, ...]], columns: int
) -> list[tuple[str, str, str]]:
    """Return the years that days are added to, as (field, stored text, new text).

    Days up to the last stored one are left out.
    """
    changes: list[tuple[str, str, str]] = []
    for year, members in groupby(sorted(days), key=lambda day: date_of(day).year):
        field = f"{letter}{year}"
        old = stored.get(field, "")
        rows = unpack(old, columns, step=1)
        last = rows[-1][0] if rows else -1
        new = [(day, days[day]) for day in members if day > last]
        if new:
            changes.append((field, old, pack([*rows, *new], step=1)))
    return changes


def summarize_hours(rows: Sequence[Row], today: int) -> dict[int, tuple[int | None, ...]]:
    """Return the daily row of each day before `today`."""
    return {
        day: _spans([numbers for _, numbers in hours])
        for day, hours in groupby(rows, key=lambda row: row[0] // DAY_HOURS)
        if day < today
    }


def summarize_posts(posts: Sequence[PostRecord], today: int) -> dict[int, tuple[int | None, ...]]:
    """Return the sums of each day whose posts are not measured any more, by their last counts."""
    final = [record for record in posts if day_of(record.at) < today - POSTS_FINAL_DAYS and record.counts]
    return {
        day: _sums([record.counts[-1] for record in records])
        for day, records in groupby(final, key=lambda record: day_of(record.at))
    }


def _spans(rows: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """Return the last, the lowest and the highest value of each column."""
    found: list[int | None] = []
    for values in zip(*rows, strict=True):
        known = [value for value in values if value is not None]
        found += [known[-1], min(known), max(known)] if known else [None, None, None]
    return tuple(found)


def span_of(numbers: Sequence[int | None]) -> Span | None:
    last, lowest, highest = numbers
    return None if last is None or lowest is None or highest is None else Span(last, lowest, highest)


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


def pack_post(record: PostRecord) -> str:
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


def unpack_post(slot: str, text: str) -> PostRecord:
    at, kind, parts, attempts, repeats, followers, counts = json.loads(text)
    return PostRecord(
        slot=slot,
        at=from_ms(at * 1000),
        kind=kind,
        parts=parts,
        attempts=attempts,
        repeats=bool(repeats),
        followers=followers,
        counts=tuple(unpack_measurements("", counts)),
    )


def moment_of_hour(hour: int) -> dt.datetime:
    return from_ms(hour * HOUR * 1000)


def date_of(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def day_of(at: dt.datetime) -> int:
    return int(at.timestamp()) // HOUR // DAY_HOURS
