"""Benchmarks of metrics: the reactions that learning gains with simulated audiences, and the size of time series.

The reactions are measured: each simulated audience sees posts of all kinds at all hours, and their casts are counted as
workers count them, a day later. Seasons of posts are then drawn from these measured posts. The learner sees only what
ceos sees: reactions and followers. *Regret* is the number of expected reactions that an agent loses against one that
knows the means and uses the best mix the operator allows.
"""

from __future__ import annotations

import datetime as dt
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.audiences import MeasuredPost, measured_posts
from bench.system import figure, make_agents, system
from ceos.domain.posts import Kind
from ceos.metrics import bandit
from ceos.metrics.bandit import Outcome
from ceos.metrics.timeseries import AccountCounts
from ceos.score import relative

#: Audiences whose posts are measured, for how many days, and the seasons that are drawn from each.
AUDIENCES, MEASURED_DAYS, SEASONS = 4, 40, 15
DAYS = 90
HOURS = (9, 13, 18)
FOLLOWERS = 1000
SHARES = {Kind.ORIGINAL: 35, Kind.THREAD: 25, Kind.ENGAGEMENT: 20, Kind.MEDIA: 20}

#: Returns the reactions to a post as the learner gets to know them.
Reactions = Callable[[MeasuredPost], int]


class Audience:
    """The measured posts of one audience."""

    def __init__(self, posts: Sequence[MeasuredPost]) -> None:
        self.posts = posts
        self.kinds = {kind: statistics.fmean(one.reactions for one in posts if one.kind is kind) for kind in SHARES}
        mean = statistics.fmean(one.reactions for one in posts)
        #: The reactions at each hour as a multiple of the mean.
        self.hours = {
            hour: statistics.fmean(one.reactions for one in posts if one.hour == hour) / mean if mean else 1.0
            for hour in HOURS
        }
        self._cells = {
            (kind, hour): [one for one in posts if (one.kind, one.hour) == (kind, hour)]
            for kind in SHARES
            for hour in HOURS
        }

    def expected(self, mix: Mapping[Kind, float], hour: int) -> float:
        """Return the reactions that a post of a mix gets on average."""
        return sum(share / 100 * self.kinds[kind] for kind, share in mix.items()) * self.hours[hour]

    def draw(self, kind: Kind, hour: int, chance: random.Random) -> MeasuredPost:
        """Return one of the measured posts of a kind and an hour."""
        return chance.choice(self._cells[kind, hour])


@dataclass(frozen=True)
class Season:
    """The expected reactions of one agent with one audience."""

    got: float
    best: float
    posts: int
    #: The same for the last third, when the learner has data, and the share of threads there.
    late_got: float
    late_best: float
    late_threads: float


@dataclass(frozen=True)
class _Published:
    day: int
    got: float
    best: float
    is_thread: bool


def season(
    people: Audience,
    seed: int,
    *,
    learns: bool,
    skips: bool = False,
    reactions: Reactions = lambda post: post.reactions,
) -> Season:
    """Post for a season and return its reactions; with `skips` hours are skipped as well."""
    chance = random.Random(f"season {seed}")
    best_mix = bandit.best_mix(people.kinds, SHARES)
    best = {hour: people.expected(best_mix, hour) for hour in HOURS}
    known: list[Outcome] = []
    published: list[_Published] = []
    for day in range(DAYS):
        # The reactions to a post are known on the next day.
        today: list[Outcome] = []
        is_taught = learns and len(known) >= bandit.MIN_POSTS
        passed: set[int] = set()
        if is_taught and skips:
            draw = random.Random(f"{seed}|{day}|hours")
            passed = bandit.skipped_hours(bandit.hours(known, HOURS), HOURS, draw)
        for hour in HOURS:
            if hour in passed:
                continue
            mix: Mapping[Kind, float] = SHARES
            if is_taught:
                draw = random.Random(f"{seed}|{day}|{hour}")
                mix = bandit.drawn_mix(bandit.kinds(known, SHARES), SHARES, draw)
            kind = chance.choices(list(mix), weights=list(mix.values()))[0]
            effect = relative(reactions(people.draw(kind, hour, chance)), FOLLOWERS)
            today.append(Outcome(kind, hour, effect))
            got = people.expected(mix, hour)
            published.append(_Published(day, got, best[hour], kind is Kind.THREAD))
        known += today
    late = [one for one in published if one.day >= DAYS * 2 // 3]
    return Season(
        sum(one.got for one in published),
        sum(one.best for one in published),
        len(published),
        sum(one.got for one in late),
        sum(one.best for one in late),
        sum(one.is_thread for one in late) / len(late),
    )


def bench_learning() -> None:
    """Print the regret of the fixed mix and of learning, medians over seasons with measured audiences."""
    measured = [Audience(measured_posts(seed, HOURS, MEASURED_DAYS)) for seed in range(AUDIENCES)]
    people = [one for one in measured for _ in range(SEASONS)]
    fixed = [season(one, seed, learns=False) for seed, one in enumerate(people)]
    learned = [season(one, seed, learns=True) for seed, one in enumerate(people)]
    both = [season(one, seed, learns=True, skips=True) for seed, one in enumerate(people)]
    figure("measured posts of simulated audiences", sum(len(one.posts) for one in measured), "posts")
    for kind in SHARES:
        figure(f"mean reactions to {kind}", statistics.fmean(one.kinds[kind] for one in measured), "reactions")
    regrets = [[one.best - one.got for one in seasons] for seasons in (fixed, learned)]
    late = [[(one.late_best - one.late_got) / one.late_best * 100 for one in seasons] for seasons in (fixed, learned)]
    middle = statistics.median
    figure(f"regret of the fixed mix, {fixed[0].posts} posts, median of {len(people)}", middle(regrets[0]), "reactions")
    figure("regret of the learned mix", middle(regrets[1]), "reactions", "less")
    figure("part of the regret that learning saves", _percent(1 - sum(regrets[1]) / sum(regrets[0])), "%", "> 40")
    figure("missed in the last third: fixed mix", middle(late[0]), "%")
    figure("missed in the last third: learned mix", middle(late[1]), "%", "< fixed")
    gains = [_percent(one.got / other.got - 1) for one, other in zip(learned, fixed, strict=True)]
    figure("reactions gained over the fixed mix, median", middle(gains), "%", "> 0")
    figure("the worst season of all for learning", min(gains), "%", "> -5")
    figure("seasons in which learning gained", _percent(sum(gain > 0 for gain in gains) / len(gains)), "%", "> 90")
    each = [one.got / one.posts / (other.got / other.posts) - 1 for one, other in zip(both, learned, strict=True)]
    figure("reactions per post gained by passing over bad hours, mean", _percent(statistics.fmean(each)), "%", ">= 0")
    left_out = 1 - sum(one.posts for one in both) / sum(one.posts for one in fixed)
    figure("posts left out for that", _percent(left_out), "%")
    _bench_nothing_to_learn()


def _bench_nothing_to_learn() -> None:
    """Print the cost of learning where nobody reacts: few skipped slots, and no kind is favoured.

    The parts of a thread are the only casts that answer its posts, so a count that includes them favours threads.
    """
    nobody = Audience([post for seed in range(2) for post in measured_posts(seed, HOURS, 8, people=0)])
    seasons = [season(nobody, seed, learns=True, skips=True) for seed in range(AUDIENCES * SEASONS)]
    left_out = statistics.fmean(1 - one.posts / (DAYS * len(HOURS)) for one in seasons)
    figure("where nobody reacts: slots left out in error", _percent(left_out), "%", "< 1")
    figure("where nobody reacts: threads in the last third", _threads(seasons), "%", f"{SHARES[Kind.THREAD]}")
    misled = [
        season(nobody, seed, learns=True, reactions=lambda post: post.with_own_parts)
        for seed in range(AUDIENCES * SEASONS)
    ]
    figure("the same with own parts counted as replies", _threads(misled), "%")


def _threads(seasons: Sequence[Season]) -> float:
    return _percent(statistics.fmean(one.late_threads for one in seasons))


def bench_series() -> None:
    """Print the size of the time series of accounts in Redis."""
    with system() as bench:
        bench.runtime.apply(make_agents(100))
        _bench_series(bench.runtime)


def _bench_series(runtime: Any) -> None:
    agents, hours = 100, 24 * 30
    ids = runtime.agents.agent_ids()[:agents]
    chance = random.Random(1)
    followers = {one: chance.randint(50, 50_000) for one in ids}
    start = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    first = int(start.timestamp()) // 3600
    for hour in range(hours):
        for one in ids:
            followers[one] += chance.choice((-1, 0, 0, 0, 1, 2))
        runtime.series.add_counts(
            {one: AccountCounts(followers=followers[one], following=40, storage=hour // 8) for one in ids}, first + hour
        )
    client = runtime.database.client
    size = sum(client.memory_usage(f"ceos:series:{one}", samples=0) for one in ids)
    figure("hourly followers, following, storage: bytes a count", size / agents / hours / 3, "bytes", "< 10")
    figure("the same, thirty days of one account", size / agents / 1024, "KiB")
    for one in ids:
        runtime.series.fold(one, start + dt.timedelta(days=30, hours=1))
    daily = client.hget(f"ceos:series:{ids[0]}", "d2026")
    figure("a day for ever: last, least, most of each; packed", len(daily) / 30, "bytes")


def _percent(part: float) -> float:
    return part * 100
