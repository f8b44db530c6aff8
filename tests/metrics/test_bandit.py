"""Thompson sampling over kinds and hours: bounded by the operator's mix and schedule, and repeatable."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceos.domain.posts import Kind
from ceos.metrics import bandit
from ceos.metrics.bandit import (
    MAX_FACTOR,
    MIN_FACTOR,
    Outcome,
    beliefs,
    best_mix,
    drawn_mix,
    expected_mix,
    hours,
    kinds,
    skipped_hours,
)

MIX: dict[Kind, int] = {Kind.ORIGINAL: 35, Kind.THREAD: 25, Kind.ENGAGEMENT: 20, Kind.MEDIA: 20}
POSTED = [Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT, Kind.MEDIA]

EFFECT = st.floats(-50, 50, allow_nan=False)
OUTCOMES = st.lists(
    st.builds(Outcome, st.sampled_from(list(Kind)), st.none() | st.integers(0, 23), EFFECT), max_size=40
)


@st.composite
def mixes(draw: st.DrawFn) -> dict[Kind, int]:
    """Return shares that add up to 100; some may be 0."""
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=3, max_size=3)))
    shares = [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    return dict(zip(POSTED, shares, strict=True))


def outcomes(effects: Mapping[Kind, float], count: int = 20, *, spread: float = 0.5, seed: int = 1) -> list[Outcome]:
    chance = random.Random(seed)
    return [Outcome(kind, None, chance.gauss(mean, spread)) for kind, mean in effects.items() for _ in range(count)]


# The mix


@given(OUTCOMES, mixes(), st.integers())
def test_no_kind_leaves_what_the_operator_allows(found: list[Outcome], shares: dict[Kind, int], seed: int) -> None:
    mix = drawn_mix(kinds(found, shares), shares, random.Random(seed))
    assert sum(mix.values()) == pytest.approx(100)
    assert set(mix) == {kind for kind, share in shares.items() if share > 0}
    for kind, share in mix.items():
        assert shares[kind] * MIN_FACTOR - 1e-9 <= share <= shares[kind] * MAX_FACTOR + 1e-9


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_what_is_known_does_not_depend_on_the_order(found: list[Outcome], chance: random.Random) -> None:
    shuffled = found[:]
    chance.shuffle(shuffled)
    assert kinds(shuffled, MIX) == kinds(found, MIX)
    assert hours(shuffled, [9, 13]) == hours(found, [9, 13])


def test_the_same_chance_draws_the_same_mix_and_another_one_another() -> None:
    known = kinds(outcomes(dict.fromkeys(POSTED, 0.0)), MIX)
    assert drawn_mix(known, MIX, random.Random("ada|1")) == drawn_mix(known, MIX, random.Random("ada|1"))
    assert len({tuple(drawn_mix(known, MIX, random.Random(f"ada|{slot}")).items()) for slot in range(20)}) > 1


def test_the_best_mix_gives_all_it_may_to_the_best_kind() -> None:
    effects = {Kind.ORIGINAL: 0.0, Kind.THREAD: 0.3, Kind.ENGAGEMENT: 0.1, Kind.MEDIA: 0.9}
    mix = best_mix(effects, MIX)
    assert mix[Kind.MEDIA] == pytest.approx(60)
    assert mix[Kind.ORIGINAL] == pytest.approx(35 / 3)
    assert mix[Kind.THREAD] == pytest.approx(100 - 60 - (35 + 20) / 3)


def test_a_kind_that_works_gets_more_and_every_kind_is_still_tried() -> None:
    known = kinds(outcomes({Kind.ORIGINAL: 0, Kind.THREAD: 0, Kind.ENGAGEMENT: 0, Kind.MEDIA: 1.0}), MIX)
    mix = expected_mix(known, MIX, random.Random(1))
    assert mix[Kind.MEDIA] > 55
    assert min(mix.values()) >= 20 / 3 - 1e-9


def test_without_any_difference_the_mix_stays_about_what_it_was() -> None:
    known = kinds(outcomes(dict.fromkeys(POSTED, 0.4), spread=0.0), MIX)
    mix = expected_mix(known, MIX, random.Random(1), draws=4000)
    assert mix[Kind.MEDIA] == pytest.approx(mix[Kind.ENGAGEMENT], abs=3)
    assert mix[Kind.ORIGINAL] > mix[Kind.THREAD] > mix[Kind.MEDIA]


def test_a_kind_without_a_share_is_never_drawn_however_well_it_did() -> None:
    shares = {**MIX, Kind.ORIGINAL: 60, Kind.THREAD: 0}
    known = kinds(outcomes({Kind.THREAD: 3.0, Kind.ORIGINAL: 0.0, Kind.MEDIA: 0.0, Kind.ENGAGEMENT: 0.0}), shares)
    assert Kind.THREAD not in known.of
    assert Kind.THREAD not in drawn_mix(known, shares, random.Random(1))


# What is known


def test_one_viral_post_is_one_good_post() -> None:
    ordinary = outcomes(dict.fromkeys(POSTED, 0.0), 10)
    viral = kinds([*ordinary, Outcome(Kind.MEDIA, None, 500.0)], MIX)
    good = kinds([*ordinary, Outcome(Kind.MEDIA, None, 3.0)], MIX)
    assert viral == good
    assert viral.above(Kind.MEDIA, Kind.ORIGINAL) < 0.9


def test_more_posts_make_it_surer() -> None:
    certainty = [
        kinds(outcomes({Kind.MEDIA: 0.4, Kind.ORIGINAL: 0.0}, count), MIX).above(Kind.MEDIA, Kind.ORIGINAL)
        for count in (3, 10, 40, 200)
    ]
    assert certainty[0] < 0.95 < certainty[-1]
    assert certainty[-1] > 0.999


def test_probabilities_of_two_directions_add_up_to_one() -> None:
    known = kinds(outcomes({Kind.MEDIA: 0.4, Kind.ORIGINAL: 0.0}, 5), MIX)
    both = known.above(Kind.MEDIA, Kind.ORIGINAL) + known.above(Kind.ORIGINAL, Kind.MEDIA)
    assert both == pytest.approx(1)
    assert known.above(Kind.THREAD, Kind.ENGAGEMENT) == pytest.approx(0.5), "of neither anything is known"


def test_what_was_never_posted_is_believed_to_be_average_and_uncertain() -> None:
    known = kinds(outcomes({Kind.MEDIA: 0.8, Kind.ORIGINAL: 0.0}, 30), MIX)
    assert known.of[Kind.MEDIA].mean > known.of[Kind.THREAD].mean > known.of[Kind.ORIGINAL].mean
    assert known.of[Kind.THREAD].spread == bandit.PRIOR_SPREAD
    assert known.of[Kind.MEDIA].spread < 0.2


def test_nothing_is_known_without_posts() -> None:
    known = beliefs([], ["a"], lambda one: "a")
    assert (known.of["a"].mean, known.of["a"].posts, known.below_the_rest("a")) == (0, 0, 0)


# Hours


def by_hour(effects: Mapping[int, float], count: int = 40) -> list[Outcome]:
    chance = random.Random(3)
    return [
        Outcome(Kind.ORIGINAL, hour, chance.gauss(mean, 0.5)) for hour, mean in effects.items() for _ in range(count)
    ]


def left_out(effects: Mapping[int, float], date_hours: list[int], days: int = 300, **options: Any) -> Counter[int]:
    known = hours(by_hour(effects, **options), date_hours)
    return Counter(hour for day in range(days) for hour in skipped_hours(known, date_hours, random.Random(day)))


def test_a_bad_hour_is_skipped_often_but_not_for_ever() -> None:
    counts = left_out({9: 0.5, 13: 0.4, 18: -1.0}, [9, 13, 18])
    assert set(counts) == {18}
    assert 150 < counts[18] < 250


@pytest.mark.parametrize(
    ("effects", "date_hours", "why"),
    [
        ({9: 0.5, 18: -1.0}, [9, 18], "two slots a day"),
        ({9: 0.0, 13: 0.0, 18: 0.0}, [9, 13, 18], "no difference"),
        ({9: 0.5, 18: -1.0}, [9, 9, 18, 18], "all slots of an hour are more than a third"),
        ({9: 0.5}, [9, 9, 9], "one hour"),
    ],
)
def test_no_hour_is_skipped_where_that_would_cost_too_much(
    effects: dict[int, float], date_hours: list[int], why: str
) -> None:
    assert not left_out(effects, date_hours), why


def test_at_most_a_third_of_a_date_is_skipped() -> None:
    effects = {hour: -1.0 if hour >= 10 else 2.5 for hour in range(5, 17)}
    known = hours(by_hour(effects), list(effects))
    for day in range(200):
        assert len(skipped_hours(known, list(effects), random.Random(day))) <= 4


def test_too_few_posts_are_no_reason() -> None:
    assert not left_out({9: 0.2, 13: 0.2, 18: -0.2}, [9, 13, 18], count=2)
