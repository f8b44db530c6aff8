"""Posts that the simulated audience saw, measured as workers measure them: through Neynar's interface, a day later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from ceos.domain.posts import Kind
from ceos.score import weighted
from ceos.simulator import running
from ceos.testing import FakeRuntime, ManualClock, fake_runtime

#: A Monday; the audience has its habits by the hour.
START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KINDS = (Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT, Kind.MEDIA)
#: Users of one audience, by default.
PEOPLE = 60


@dataclass(frozen=True)
class MeasuredPost:
    """A post and the weighted reactions to it."""

    kind: Kind
    hour: int
    reactions: int
    #: The same with the replies of a thread to itself, as they were counted before version 2 of the score.
    with_own_parts: int


def measured_posts(seed: int, hours: tuple[int, ...], days: int, people: int = PEOPLE) -> list[MeasuredPost]:
    """Publish one post at each hour of each day for one audience, all kinds in turn, and measure each a day later."""
    clock = ManualClock(START)
    with (
        running(seed, clock=lambda: clock.now().timestamp(), neynar={"audience": people, "crowd": 0}) as simulator,
        fake_runtime(seed=seed, simulator=simulator) as fake,
    ):
        fake.apply(schedule={"cron": "0 0 1 1 *"}, limits={"casts_per_hour": 1000, "usd_per_day": 1000})
        published: list[tuple[str, Kind, int]] = []
        found: list[MeasuredPost] = []
        for moment in _moments(hours, days):
            clock.set(moment)
            fake.clock.set(moment)
            if len(published) >= len(hours):
                found += _measured(fake, *published[-len(hours)])
            kind = KINDS[len(published) % len(KINDS)]
            run = fake.post(kind=kind, key=f"{len(published)}")
            published.append((run.id, kind, moment.hour))
        return found


def _moments(hours: tuple[int, ...], days: int) -> Iterator[dt.datetime]:
    for day in range(days):
        for hour in hours:
            yield START + day * DAY + dt.timedelta(hours=hour)


def _measured(fake: FakeRuntime, run_id: str, kind: Kind, hour: int) -> list[MeasuredPost]:
    run = fake.runtime.runs.run(run_id)
    fake.runtime.measuring.measure(run_id)
    record = fake.runtime.series.post(run.agent_id, run.slot)
    if record is None or not record.counts:
        return []
    counts = record.counts[-1]
    own = len(run.hashes) - 1
    numbers = [
        weighted(counts.likes, counts.recasts, replies, counts.quotes)
        for replies in (counts.replies, counts.replies + own)
    ]
    return [MeasuredPost(kind, hour, *numbers)]
