"""The records that `ceos metrics` shows: an agent's account, posts, scores and advice over a span of time."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

from ceos.domain.agent import Agent
from ceos.domain.base import Frozen
from ceos.domain.posts import Kind
from ceos.metrics import bandit
from ceos.metrics.scorer import Scorer, scheduled_hours
from ceos.metrics.store import SeriesStore
from ceos.metrics.timeseries import HOURLY_DAYS, PostRecord
from ceos.score import WeekScore, relative, weighted

DAY = dt.timedelta(days=1)
#: From this probability on, an advice calls a difference likely.
MIN_LIKELY = 0.75

K = TypeVar("K", bound=Hashable)


class Point(Frozen):
    """The counts of an account at one moment; None where they are unknown."""

    at: dt.datetime
    followers: int | None
    following: int | None
    storage: int | None
    #: Whether the point is the last count of a day, in place of its hours.
    daily: bool = False


class DayOfPosts(Frozen):
    """The posts published on one UTC day, with their latest counts."""

    date: dt.date
    posts: int
    likes: int
    recasts: int
    replies: int
    quotes: int | None

    @property
    def interactions(self) -> int:
        """Likes, recasts, replies and quotes together."""
        return self.likes + self.recasts + self.replies + (self.quotes or 0)


class PostLine(Frozen):
    """One post with its latest counts."""

    slot: str
    at: dt.datetime
    kind: Kind | None
    parts: int
    followers: int | None
    likes: int
    recasts: int
    replies: int
    quotes: int | None
    measured_at: dt.datetime
    #: Its reactions a day after publication as a multiple of the usual; None where the followers are unknown.
    times_usual: float | None


class Choice(Frozen):
    """The results of a kind or an hour, and the share that learning gives it."""

    name: str
    #: Measured posts.
    posts: int
    #: Reactions as a multiple of the usual for an account of this size, and the range of 80% probability.
    times_usual: float
    low: float
    high: float
    #: The operator's share in percent, and the average share that learning would give; None for an hour.
    share: float | None = None
    would_be: float | None = None
    #: The probability of more effect than the one that looks best; 1 for that one itself.
    against_best: float


class Advice(Frozen):
    """The changes that learning would make for an agent, and their probability."""

    learning: str
    posts: int
    is_enough: bool
    kinds: tuple[Choice, ...] = ()
    hours: tuple[Choice, ...] = ()
    sentences: tuple[str, ...]


class Report(Frozen):
    """An agent's numbers from `since` to `until`."""

    agent: str
    since: dt.datetime
    until: dt.datetime
    points: tuple[Point, ...]
    days: tuple[DayOfPosts, ...]
    posts: tuple[PostLine, ...]

    def change(self, field: str) -> tuple[int | None, int | None]:
        """Return the last known value of a field of the points, and its change over the span if two are known."""
        known = [value for point in self.points if (value := getattr(point, field)) is not None]
        return (known[-1] if known else None, known[-1] - known[0] if len(known) > 1 else None)


def report(series: SeriesStore, agent_id: str, since: dt.datetime, until: dt.datetime) -> Report:
    """Return an agent's numbers of a span."""
    posts = [record for record in series.posts(agent_id, since) if record.at <= until and record.counts]
    return Report(
        agent=agent_id,
        since=since,
        until=until,
        points=tuple(_points(series, agent_id, since, until)),
        days=tuple(_days(series, agent_id, posts, since, until)),
        posts=tuple(map(_line, posts)),
    )


def _points(series: SeriesStore, agent_id: str, since: dt.datetime, until: dt.datetime) -> Iterable[Point]:
    """Yield daily points up to the first hourly point, then the hourly points."""
    hourly = [(at, found) for at, found in series.hourly(agent_id, since) if at <= until]
    first = hourly[0][0].date() if hourly else None
    if until - since > DAY * HOURLY_DAYS:
        for day in series.daily(agent_id):
            if since.date() <= day.date <= until.date() and (first is None or day.date < first):
                yield Point(
                    at=dt.datetime.combine(day.date, dt.time(23), dt.UTC),
                    followers=day.followers and day.followers.last,
                    following=day.following and day.following.last,
                    storage=day.storage and day.storage.last,
                    daily=True,
                )
    for at, found in hourly:
        yield Point(at=at, followers=found.followers, following=found.following, storage=found.storage)


def _days(
    series: SeriesStore, agent_id: str, posts: Iterable[PostRecord], since: dt.datetime, until: dt.datetime
) -> Iterable[DayOfPosts]:
    found = {}
    for day in series.post_days(agent_id):
        if since.date() <= day.date <= until.date():
            found[day.date] = DayOfPosts(
                date=day.date, posts=day.posts, likes=day.likes, recasts=day.recasts, replies=day.replies,
                quotes=day.quotes,
            )  # fmt: skip
    for date, records in groupby(posts, key=lambda record: record.at.date()):
        counts = [record.counts[-1] for record in records]
        quotes = [count.quotes for count in counts if count.quotes is not None]
        found[date] = DayOfPosts(
            date=date,
            posts=len(counts),
            likes=sum(count.likes for count in counts),
            recasts=sum(count.recasts for count in counts),
            replies=sum(count.replies for count in counts),
            quotes=sum(quotes) if quotes else None,
        )
    return [found[date] for date in sorted(found)]


def _line(record: PostRecord) -> PostLine:
    last, early = record.counts[-1], record.day_old()
    times = None
    if early is not None and record.followers is not None:
        reacted = weighted(early.likes, early.recasts, early.replies, early.quotes)
        times = round(math.exp(relative(reacted, record.followers)), 2)
    return PostLine(
        slot=record.slot, at=record.at, kind=record.kind, parts=record.parts, followers=record.followers,
        likes=last.likes, recasts=last.recasts, replies=last.replies, quotes=last.quotes, measured_at=last.at,
        times_usual=times,
    )  # fmt: skip


def per_post(lines: Iterable[PostLine]) -> float | None:
    """Return the median of the interactions of posts."""
    counts = [line.likes + line.recasts + line.replies + (line.quotes or 0) for line in lines]
    return statistics.median(counts) if counts else None


# Advice


def advice(scoring: Scorer, agent: Agent, shares: Mapping[Kind, int], now: dt.datetime) -> Advice:
    """Return the changes that learning would make for an agent."""
    outcomes = scoring.outcomes(agent)
    if len(outcomes) < bandit.MIN_POSTS:
        words = (
            f"{len(outcomes)} posts of {agent.id} were measured while its followers were known; "
            f"advice needs {bandit.MIN_POSTS}.",
        )
        return Advice(learning=agent.learning, posts=len(outcomes), is_enough=False, sentences=words)
    kinds = _kinds(agent, outcomes, shares)
    monday = now.astimezone(ZoneInfo(agent.schedule.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    scheduled = scheduled_hours(agent, monday, monday + 7 * DAY)
    known = bandit.hours(outcomes, scheduled)
    hours = _choices(known, lambda hour: f"{hour}:00")
    sentences = [
        *_of_kinds(kinds, agent, shares),
        *_of_hours(hours, known, len(scheduled) / 7),
        _of_mode(agent),
    ]
    return Advice(
        learning=agent.learning, posts=len(outcomes), is_enough=True, kinds=kinds, hours=hours,
        sentences=tuple(sentences),
    )  # fmt: skip


def _kinds(agent: Agent, outcomes: Iterable[bandit.Outcome], shares: Mapping[Kind, int]) -> tuple[Choice, ...]:
    allowed = {kind: share for kind, share in shares.items() if share > 0}
    if len(allowed) < 2:
        return ()
    known = bandit.kinds(outcomes, allowed)
    mix = bandit.expected_mix(known, allowed, random.Random(f"{agent.id}|advice"))  # noqa: S311  # the same each time
    return tuple(
        choice.model_copy(
            update={"share": float(allowed[Kind(choice.name)]), "would_be": round(mix[Kind(choice.name)])}
        )
        for choice in _choices(known, str)
    )


def _choices(known: bandit.Beliefs[K], name: Callable[[K], str]) -> tuple[Choice, ...]:
    """Return the choice of each key, the best first."""
    ranked = sorted(known.of, key=lambda key: (-known.of[key].mean, name(key)))
    found = []
    for key in ranked:
        belief = known.of[key]
        low, high = (math.exp(belief.mean + sign * 1.2816 * belief.spread) for sign in (-1, 1))
        found.append(
            Choice(
                name=name(key), posts=belief.posts, times_usual=round(math.exp(belief.mean), 2), low=round(low, 2),
                high=round(high, 2), against_best=1.0 if key == ranked[0] else round(known.above(key, ranked[0]), 3),
            )
        )  # fmt: skip
    return tuple(found)


def _percent(certainty: float) -> str:
    """Return a probability in words that never claim certainty."""
    return "over 99%" if certainty > 0.99 else f"{certainty:.0%}"


def _posts(choice: Choice) -> str:
    return f"{choice.posts} post" if choice.posts == 1 else f"{choice.posts} posts"


def _of_kinds(kinds: tuple[Choice, ...], agent: Agent, shares: Mapping[Kind, int]) -> Iterable[str]:
    if not kinds:
        why = "has no fixed shares" if not shares else "has only one kind"
        yield f"The strategy {agent.strategy!r} {why}, so there is no mix to change."
        return
    best, *others = kinds
    second = max(others, key=lambda other: other.against_best)
    certainty = 1 - second.against_best
    if certainty < MIN_LIKELY:
        yield (
            f"No kind is clearly better than another: {best.name} looks best, with {best.times_usual:g} times the "
            f"usual reactions in {_posts(best)}, but the probability that it beats {second.name} is only "
            f"{_percent(certainty)}."
        )
    else:
        yield (
            f"{best.name.capitalize()} is {_sure(certainty)} the best kind: {best.times_usual:g} times the usual "
            f"reactions in {_posts(best)}; {second.name}, which comes next, has {second.times_usual:g} in "
            f"{second.posts}. The probability that {best.name} does better is {_percent(certainty)}."
        )
    changes = [f"{one.name} {one.share:.0f}% → {one.would_be:.0f}%" for one in kinds if one.share is not None]
    yield f"The mix would become: {', '.join(changes)}."


def _of_hours(hours: tuple[Choice, ...], known: bandit.Beliefs[int], slots_a_day: float) -> Iterable[str]:
    measured = [hour for hour in hours if hour.posts]
    if len(measured) < 2:
        yield "Only one hour is scheduled or measured, so hours cannot be compared."
        return
    best, worst = measured[0], measured[-1]
    certainty = 1 - worst.against_best
    yield (
        f"Posts at {best.name} do best ({best.times_usual:g} times the usual, {_posts(best)}), those at "
        f"{worst.name} worst ({worst.times_usual:g}, {_posts(worst)}); the probability that the former do better "
        f"than the latter is {_percent(certainty)}."
    )
    weak = [
        f"{hour}:00"
        for hour in sorted(known.of)
        if known.below_the_rest(hour, bandit.MIN_DIFFERENCE) >= bandit.MIN_PROBABILITY
    ]
    if not weak:
        yield "No hour surely brings less than two thirds of the effect of the others, so no slot would be skipped."
    elif slots_a_day * bandit.MAX_SKIPPED < 1:
        yield f"{_list(weak)} would stay: with fewer than three slots a day, none is skipped."
    else:
        yield f"Slots at {_list(weak)} would be skipped two days in three, at most a third of a day's slots."


def _of_mode(agent: Agent) -> str:
    return {
        "off": 'Learning is off, so nothing changes; learning = "on" in the agent file switches it on.',
        "advise": 'Learning only advises, so nothing changes; learning = "on" in the agent file applies the changes.',
        "on": "Learning is on: every slot draws a new mix from these results, so the shares vary around these.",
    }[agent.learning]


def _sure(probability: float) -> str:
    return "almost surely" if probability >= 0.95 else "very likely" if probability >= 0.9 else "likely"


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def weeks(scoring: Scorer, agent_id: str, now: dt.datetime) -> list[tuple[WeekScore, bool]]:
    """Return the scored weeks, oldest first, then the provisional ones, each with whether it is final."""
    final = [(week, True) for week in scoring.weeks(agent_id)]
    return [*final, *((week, False) for week in scoring.so_far(agent_id, now))]
