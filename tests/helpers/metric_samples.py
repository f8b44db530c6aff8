"""Invented numbers in a real store: posts with their counts, and hourly counts of accounts."""

from __future__ import annotations

import datetime as dt

from ceos.domain.posts import CastMetrics, Kind
from ceos.metrics.timeseries import AccountCounts, PostRecord
from ceos.runtime import Runtime

HOUR = dt.timedelta(hours=1)
MONDAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def add_post(
    runtime: Runtime,
    at: dt.datetime,
    *,
    agent_id: str = "ada",
    kind: Kind = Kind.ORIGINAL,
    likes: int = 3,
    recasts: int = 1,
    replies: int = 1,
    quotes: int | None = 0,
    followers: int | None = 200,
    attempts: int = 1,
    repeats: bool = False,
    scheduled: bool = True,
) -> PostRecord:
    """Keep a post that was measured after 1 and 24 hours, at first with half of its reactions."""
    slot = str(int(at.timestamp() * 1000)) if scheduled else f"m:{at:%Y%m%d%H%M}"
    counts = tuple(
        CastMetrics(
            hash="",
            likes=likes // part,
            recasts=recasts // part,
            replies=replies // part,
            quotes=quotes,
            at=at + hours * HOUR,
        )
        for hours, part in ((1, 2), (24, 1))
    )
    record = PostRecord(
        slot=slot,
        at=at,
        kind=kind,
        parts=1,
        attempts=attempts,
        repeats=repeats,
        followers=followers,
        counts=counts,
    )
    runtime.series.save_post(agent_id, record)
    return record


def add_followers(runtime: Runtime, start: dt.datetime, followers: list[int | None], *, agent_id: str = "ada") -> None:
    """Keep an account's followers of successive hours; None is a gap."""
    first = int(start.timestamp()) // 3600
    for number, count in enumerate(followers):
        if count is not None:
            counts = AccountCounts(followers=count, following=12, storage=number)
            runtime.series.add_counts({agent_id: counts}, first + number)
