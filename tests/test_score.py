"""The weekly score: bounded, monotone, blind to the order of posts, fair to newcomers, not won by one viral post."""

from __future__ import annotations

import contextlib
import io
import random
import re
from typing import Any

import pytest
from helpers.pages import PAGES, example
from hypothesis import assume, given
from hypothesis import strategies as st

from ceos.score import (
    ADDED,
    FORMULAS,
    VERSION,
    WEIGHTS,
    Inputs,
    PostInputs,
    UnknownVersion,
    engagement,
    growth,
    quality,
    relative,
    score,
    usual,
)

COUNT = st.integers(0, 10**7)
POST = st.builds(
    PostInputs,
    at=st.integers(0, 2**33),
    likes=COUNT,
    recasts=COUNT,
    replies=COUNT,
    quotes=st.none() | COUNT,
    followers=st.none() | COUNT,
    attempts=st.integers(1, 2),
    repeats=st.booleans(),
)
INPUTS = st.builds(
    Inputs,
    agent=st.just("ada"),
    week=st.just("2026-W10"),
    posts=st.lists(POST, max_size=12).map(tuple),
    followers_start=st.none() | COUNT,
    followers_end=st.none() | COUNT,
    published=st.integers(0, 200),
    failed=st.integers(0, 200),
    missed=st.integers(0, 200),
)


def post(**changes: Any) -> PostInputs:
    return PostInputs(**{"at": 0, "likes": 3, "recasts": 1, "replies": 1, "quotes": 0, "followers": 200, **changes})


def week(**changes: Any) -> Inputs:
    return Inputs(**{"agent": "ada", "week": "2026-W10", "followers_start": 200, "followers_end": 200, **changes})


@given(INPUTS)
def test_every_part_and_the_whole_lie_between_0_and_100(inputs: Inputs) -> None:
    found = score(inputs)
    for value in (found.total, found.engagement, found.growth, found.quality, found.uptime):
        assert 0 <= value <= 100


@given(INPUTS, st.randoms(use_true_random=False))
def test_the_order_of_the_posts_does_not_matter(inputs: Inputs, chance: random.Random) -> None:
    posts = list(inputs.posts)
    chance.shuffle(posts)
    assert score(inputs.model_copy(update={"posts": tuple(posts)})) == score(inputs)


@pytest.mark.parametrize(
    ("field", "direction"),
    [("likes", 1), ("recasts", 1), ("replies", 1), ("quotes", 1), ("followers", -1), ("attempts", -1), ("repeats", -1)],
)
@given(inputs=INPUTS, more=st.integers(1, 10**6))
def test_a_post_that_does_better_never_lowers_the_score(field: str, direction: int, inputs: Inputs, more: int) -> None:
    assume(inputs.posts)
    first = inputs.posts[0]
    value = getattr(first, field)
    # Unknown is no number to compare with; unknown quotes add nothing, and are less than any.
    assume(field != "followers" or value is not None)
    better = {"attempts": 2, "repeats": True}.get(field, (value or 0) + more)
    changed = inputs.model_copy(update={"posts": (first.model_copy(update={field: better}), *inputs.posts[1:])})
    assert direction * (score(changed).total - score(inputs).total) >= 0


@pytest.mark.parametrize(
    ("field", "direction"),
    [("followers_end", 1), ("followers_start", -1), ("published", 1), ("failed", -1), ("missed", -1)],
)
@given(inputs=INPUTS, more=st.integers(1, 10**6))
def test_a_week_that_goes_better_never_lowers_the_score(field: str, direction: int, inputs: Inputs, more: int) -> None:
    value = getattr(inputs, field)
    assume(value is not None)
    changed = inputs.model_copy(update={field: value + more})
    assert direction * (score(changed).total - score(inputs).total) >= 0


@given(INPUTS)
def test_the_whole_is_the_weighted_sum_of_the_parts(inputs: Inputs) -> None:
    found = score(inputs)
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert found.total == pytest.approx(
        sum(weight * getattr(found, part) for part, weight in WEIGHTS.items()), abs=0.02
    )


@pytest.mark.parametrize("posts", [1, 3, 7, 20])
def test_one_viral_post_moves_the_engagement_by_a_bounded_amount(posts: int) -> None:
    usual_week = [post(likes=1, recasts=0, replies=0)] * posts
    viral_week = [*usual_week[1:], post(likes=10**6, recasts=10**5, replies=10**5)]
    assert engagement(viral_week) - engagement(usual_week) <= 100 / (posts + ADDED)
    # A week that is good throughout beats one with a single wonder.
    if posts >= 3:
        assert engagement([post(likes=15)] * posts) > engagement(viral_week)


def test_more_of_a_viral_post_is_worth_less_and_less() -> None:
    steps = [engagement([post(likes=10**power)]) for power in range(8)]
    assert steps == sorted(steps)
    assert steps[-1] - steps[3] < 0.5


@pytest.mark.parametrize("followers", [0, 3, 10, 30, 100])
def test_a_newcomer_without_any_reactions_stands_near_the_middle(followers: int) -> None:
    posts = tuple(post(likes=0, recasts=0, replies=0, followers=followers) for _ in range(7))
    newcomer = score(week(posts=posts, followers_start=followers, followers_end=followers, published=7))
    assert newcomer.engagement >= 38
    assert newcomer.growth == 50
    assert newcomer.total >= 55


def test_a_small_account_with_the_usual_reactions_scores_like_a_large_one() -> None:
    totals = []
    for followers in (20, 200, 2_000, 20_000, 200_000):
        likes = round(usual(followers))
        posts = tuple(post(likes=likes, recasts=0, replies=0, followers=followers) for _ in range(7))
        totals.append(score(week(posts=posts, followers_start=followers, followers_end=followers, published=7)).total)
        assert engagement(posts) == pytest.approx(50, abs=4)
    assert max(totals) - min(totals) < 6, totals


def test_an_agent_of_which_nothing_is_known_is_neither_good_nor_bad() -> None:
    found = score(Inputs(agent="ada", week="2026-W10"))
    assert (found.engagement, found.growth, found.quality, found.uptime) == (50, 50, 50, 100)


def test_unknown_followers_leave_a_post_out_and_do_not_make_it_a_failure() -> None:
    good = [post(likes=30)] * 4
    assert engagement([*good, post(likes=0, followers=None)]) == engagement(good)
    assert growth(None, 100) == growth(100, None) == 50


@pytest.mark.parametrize(
    ("start", "end", "points"),
    [(200, 200, 50), (1000, 1100, 86.0), (10, 12, 65.8), (10_000, 10_050, 52.5), (100, 50, 0.2), (0, 5, 87.1)],
)
def test_growth_is_a_matter_of_proportion(start: int, end: int, points: float) -> None:
    assert growth(start, end) == pytest.approx(points, abs=0.2)


def test_quality_counts_what_passed_at_once_what_is_new_and_what_was_answered() -> None:
    fine = quality([post()] * 6)
    assert quality([post(attempts=2)] * 6) == pytest.approx(fine - 0.4 * 100 * 6 / 8)
    assert quality([post(repeats=True)] * 6) == pytest.approx(fine - 0.3 * 100 * 6 / 8)
    assert quality([post(replies=0)] * 6) < fine < quality([post(replies=5)] * 6)


def test_uptime_is_the_share_of_slots_that_were_served() -> None:
    assert score(week(published=19)).uptime == 100
    assert score(week(published=14, missed=4, failed=1)).uptime == 75
    assert score(week(missed=9)).uptime == 10


def test_the_effect_of_a_post_is_nothing_when_it_is_usual() -> None:
    assert relative(0, 0) == 0
    assert relative(round(usual(100_000)), 100_000) == pytest.approx(0, abs=0.01)
    assert relative(10, 100) > 0 > relative(0, 10_000)


#: A week and its scores by each version of the formula. They are in documents that others have verified.
KEPT = week(
    posts=(post(likes=9, replies=4), post(quotes=None), post(attempts=2)), followers_end=220, published=3, missed=1
)
KEPT_SCORES = {1: 69.78, 2: 69.78}


def test_every_version_of_the_formula_gives_the_scores_it_gave() -> None:
    assert set(FORMULAS) == set(KEPT_SCORES)
    assert {version: score(KEPT, version).total for version in FORMULAS} == KEPT_SCORES
    assert [score(KEPT, version).version for version in FORMULAS] == list(FORMULAS)
    assert score(KEPT).version == VERSION == max(FORMULAS)


def test_an_unknown_version_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownVersion, match="version 9; this ceos computes the versions 1, 2"):
        score(KEPT, 9)


def test_the_documentation_shows_how_to_recompute_a_score() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example("from ceos.score", of="metrics"), {})
    assert re.match(r"total=\d\d\.\d+ engagement=", printed.getvalue())
    assert all(f"| {part} | {weight:.0%} |" in PAGES["metrics"] for part, weight in WEIGHTS.items())
