"""Benchmarks of metrics: the reactions that learning gains on generated audiences, and the size of time series.

Each audience prefers kinds and hours by hidden odds. The learner sees only what ceos sees: reactions a day later, and
followers. Single posts vary widely, and one in fifty goes viral. *Regret* is the number of expected reactions that an
agent loses against one that knows the odds and uses the best mix the operator allows.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.system import figure, make_agents, system
from ceos.domain.posts import Kind
from ceos.metrics import bandit
from ceos.metrics.bandit import Outcome
from ceos.metrics.timeseries import AccountCounts
from ceos.score import relative, usual

SEEDS = 60
DAYS = 90
HOURS = (9, 13, 18)
FOLLOWERS = 1000
SHARES = {Kind.ORIGINAL: 35, Kind.THREAD: 25, Kind.ENGAGEMENT: 20, Kind.MEDIA: 20}
#: How far tastes differ between kinds and between hours, and how far single posts of one kind and hour do.
KIND_SPREAD, HOUR_SPREAD, POST_SPREAD = 0.5, 0.3, 0.8
VIRAL, VIRAL_TIMES = 0.02, 15


@dataclass(frozen=True)
class Audience:
    """Preferences as logarithms of factors of the usual reactions."""

    kinds: Mapping[Kind, float]
    hours: Mapping[int, float]

    def expected(self, mix: Mapping[Kind, float], hour: int) -> float:
        """Return the reactions that a post of a mix gets on average."""
        by_kind = sum(share / 100 * math.exp(self.kinds[kind]) for kind, share in mix.items())
        return usual(FOLLOWERS) * by_kind * math.exp(self.hours[hour])

    def react(self, kind: Kind, hour: int, chance: random.Random) -> int:
        """Return the reactions to one post."""
        # Centred, so that the mean over posts equals `expected`.
        luck = math.exp(chance.gauss(-(POST_SPREAD**2) / 2, POST_SPREAD))
        viral = VIRAL_TIMES if chance.random() < VIRAL else 1
        return round(usual(FOLLOWERS) * math.exp(self.kinds[kind] + self.hours[hour]) * luck * viral)


@dataclass(frozen=True)
class Season:
    """The expected reactions of one agent with one audience."""

    got: float
    best: float
    posts: int
    #: The same for the last third, when the learner has data.
    late_got: float
    late_best: float


def audience(seed: int, kind_spread: float = KIND_SPREAD) -> Audience:
    """Return an audience with its own preferences."""
    chance = random.Random(f"audience {seed}")
    return Audience(
        {kind: chance.gauss(0, kind_spread) for kind in SHARES},
        {hour: chance.gauss(0, HOUR_SPREAD if kind_spread else 0) for hour in HOURS},
    )


def season(people: Audience, seed: int, *, learns: bool, skips: bool = False) -> Season:
    """Post for a season and return its reactions; with `skips` hours are skipped as well."""
    chance = random.Random(f"season {seed}")
    best_mix = bandit.best_mix(people.kinds, SHARES)
    known: list[Outcome] = []
    got, best = [], []
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
            today.append(Outcome(kind, hour, relative(people.react(kind, hour, chance), FOLLOWERS)))
            got.append((day, people.expected(mix, hour)))
            best.append((day, people.expected(best_mix, hour)))
        known += today
    late = DAYS * 2 // 3
    return Season(
        sum(value for _, value in got),
        sum(value for _, value in best),
        len(got),
        sum(value for day, value in got if day >= late),
        sum(value for day, value in best if day >= late),
    )


def bench_learning() -> None:
    """Print the regret of the fixed mix and of learning, medians over many audiences."""
    people = [audience(seed) for seed in range(SEEDS)]
    fixed = [season(one, seed, learns=False) for seed, one in enumerate(people)]
    learned = [season(one, seed, learns=True) for seed, one in enumerate(people)]
    both = [season(one, seed, learns=True, skips=True) for seed, one in enumerate(people)]
    regrets = [[one.best - one.got for one in seasons] for seasons in (fixed, learned)]
    late = [[(one.late_best - one.late_got) / one.late_best * 100 for one in seasons] for seasons in (fixed, learned)]
    middle = statistics.median
    figure(f"regret of the fixed mix, {fixed[0].posts} posts, median of {SEEDS}", middle(regrets[0]), "reactions")
    figure("regret of the learned mix", middle(regrets[1]), "reactions", "less")
    figure("part of the regret that learning saves", _percent(1 - sum(regrets[1]) / sum(regrets[0])), "%", "> 40")
    figure("missed in the last third: fixed mix", middle(late[0]), "%")
    figure("missed in the last third: learned mix", middle(late[1]), "%", "< fixed")
    gains = [_percent(one.got / other.got - 1) for one, other in zip(learned, fixed, strict=True)]
    figure("reactions gained over the fixed mix, median", middle(gains), "%", "> 0")
    figure("the worst audience of all for learning", min(gains), "%", "> -5")
    figure("audiences in which learning gained", _percent(sum(gain > 0 for gain in gains) / SEEDS), "%", "> 90")
    each = [one.got / one.posts / (other.got / other.posts) - 1 for one, other in zip(both, learned, strict=True)]
    figure("reactions per post gained by passing over bad hours, mean", _percent(statistics.fmean(each)), "%", ">= 0")
    left_out = 1 - sum(one.posts for one in both) / sum(one.posts for one in fixed)
    figure("posts left out for that", _percent(left_out), "%")
    _bench_nothing_to_learn()


def _bench_nothing_to_learn() -> None:
    """Print the cost of learning where all kinds and hours are alike: no loss is allowed, and few skipped slots."""
    people = audience(0, kind_spread=0.0)
    seasons = [season(people, seed, learns=True, skips=True) for seed in range(SEEDS)]
    slots = DAYS * len(HOURS)
    left_out = statistics.fmean(1 - one.posts / slots for one in seasons)
    figure("where nothing can be learned: slots left out in error", _percent(left_out), "%", "< 1")


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
