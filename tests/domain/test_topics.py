"""From casts to topics with a score, and what a post about one must not contain."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.domain.topics import (
    HALF_LIFE,
    ListedTopic,
    SeenCast,
    Trend,
    TrendCast,
    contribution,
    decay,
    faded,
    find_trends,
    is_same,
    keywords,
    live_trends,
    plain_name,
    score_of,
    shown,
    strength,
    tidy,
)
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.testing import make_agent

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


def seen(number: int, text: str = "", *, hours: float = 0.0, **fields: Any) -> SeenCast:
    """A cast by an author of its own, unless `author_fid` says otherwise."""
    return SeenCast(
        **{
            "hash": f"0x{number:040x}",
            "author_fid": 100 + number,
            "text": text or f"words of cast {number}",
            "at": NOW - dt.timedelta(hours=hours),
            **fields,
        }
    )


casts = st.builds(
    seen,
    st.integers(0, 30),
    st.sampled_from(["my sourdough bread rises", "sourdough bread again", "night trains are late", "gm", "", "🚆 🚆"]),
    hours=st.floats(-1, 60),
    author_fid=st.integers(1, 6),
    author_score=st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
    likes=st.integers(-5, 10**9),
    recasts=st.integers(-5, 10**9),
    replies=st.integers(-5, 10**9),
    channel=st.sampled_from([None, "food"]),
)
many = st.lists(casts, max_size=25)
ranks = st.one_of(st.none(), st.integers(0, 25))


# The score


@settings(deadline=None)
@given(casts, ranks, many)
def test_scores_are_bounded(cast: SeenCast, rank: int | None, others: list[SeenCast]) -> None:
    assert 0 <= contribution(cast, NOW) <= 1
    assert 0 <= score_of(strength(others, rank, NOW)) < 100


@settings(deadline=None)
@given(many, ranks, st.randoms(use_true_random=False))
def test_the_order_of_casts_changes_nothing(found: list[SeenCast], rank: int | None, random: Any) -> None:
    shuffled = random.sample(found, len(found))
    assert strength(shuffled, rank, NOW) == strength(found, rank, NOW)


@settings(deadline=None)
@given(many, many, st.randoms(use_true_random=False))
def test_the_order_of_everything_changes_no_trend(ours: list[SeenCast], theirs: list[SeenCast], random: Any) -> None:
    listed = [
        ListedTopic("night_trains", "Night trains", 0, casts=ours),
        ListedTopic("sourdough", "Sourdough", 1, casts=theirs),
    ]
    turned = [
        ListedTopic(one.slug, one.name, one.rank, casts=random.sample(list(one.casts), len(one.casts)))
        for one in reversed(listed)
    ]
    both = [*ours, *theirs]
    assert find_trends(turned, random.sample(both, len(both)), NOW) == find_trends(listed, both, NOW)


@settings(deadline=None)
@given(many, casts, ranks)
def test_another_cast_never_lowers_a_score(found: list[SeenCast], cast: SeenCast, rank: int | None) -> None:
    assert strength([*found, cast], rank, NOW) >= strength(found, rank, NOW)


@given(many, st.integers(0, 25), st.integers(0, 25))
@settings(deadline=None)
def test_a_better_place_in_the_list_never_lowers_a_score(found: list[SeenCast], rank: int, worse: int) -> None:
    assert strength(found, rank, NOW) >= strength(found, rank + worse, NOW) >= strength(found, None, NOW)


@pytest.mark.parametrize("field", ["likes", "recasts", "replies", "author_score", "at"])
@settings(deadline=None)
@given(cast=casts, more=st.integers(0, 10**6))
def test_more_of_anything_never_lowers_a_contribution(field: str, cast: SeenCast, more: int) -> None:
    value = getattr(cast, field)
    if field == "author_score":
        if value is None or not math.isfinite(value):
            return
        greater: Any = value + more
    else:
        greater = value + (dt.timedelta(seconds=more) if field == "at" else more)
    louder = SeenCast(**{**vars(cast), field: greater})
    assert contribution(louder, NOW) >= contribution(cast, NOW)


@settings(deadline=None)
@given(many, ranks, st.floats(0, 48))
def test_a_score_decays_the_same_whether_computed_from_an_old_one_or_anew(
    found: list[SeenCast], rank: int | None, hours: float
) -> None:
    past = [cast for cast in found if cast.at <= NOW]
    later = NOW + dt.timedelta(hours=hours)
    listed = 0.0 if rank is None else 0.5 ** (rank / 10) * (1 - decay(later - NOW))
    assert strength(past, rank, later) - listed == pytest.approx(strength(past, rank, NOW) * decay(later - NOW))


def test_a_viral_cast_lifts_a_topic_no_more_than_any_other_good_one() -> None:
    quiet = [seen(number, author_score=0.9) for number in range(5)]
    viral = seen(99, author_score=1.0, likes=10**9, recasts=10**9)
    before, after = score_of(strength(quiet, None, NOW)), score_of(strength([*quiet, viral], None, NOW))
    assert 0 < after - before < 18.2
    assert score_of(strength([viral], None, NOW)) < 18.2


def test_an_author_counts_once_however_much_he_writes() -> None:
    flood = [seen(number, author_fid=7, author_score=1.0, likes=200) for number in range(500)]
    assert strength(flood, None, NOW) == strength(flood[:1], None, NOW)


def test_half_of_a_score_is_gone_after_the_half_life() -> None:
    trend = make_trend(strength=2.0)
    assert faded(trend, NOW + HALF_LIFE).score == pytest.approx(score_of(1.0))
    assert faded(trend, NOW + HALF_LIFE).at == NOW


def test_what_was_seen_too_long_ago_is_no_trend_any_more() -> None:
    trend = make_trend(strength=50.0)
    assert live_trends([trend], NOW + dt.timedelta(hours=2)) != []
    assert live_trends([trend], NOW + dt.timedelta(hours=2, seconds=1)) == []


# From casts to topics


def make_trend(slug: str = "night_trains", **fields: Any) -> Trend:
    """A trend that was seen just now."""
    known = {"slug": slug, "name": slug.replace("_", " "), "score": 50.0, "strength": 3.0, "at": NOW, "since": NOW}
    return Trend.model_validate({**known, "authors": 3, **fields})


def names(trends: Sequence[Trend]) -> list[str]:
    return [trend.slug for trend in trends]


def test_nothing_read_gives_no_trend() -> None:
    assert find_trends([], [], NOW) == []
    assert find_trends([ListedTopic("night_trains", "Night trains", 0)], [], NOW) == []


def test_a_listed_topic_needs_two_people() -> None:
    alone = ListedTopic("night_trains", "Night trains", 0, casts=[seen(1, author_fid=5), seen(2, author_fid=5)])
    assert find_trends([alone], [], NOW) == []
    pair = ListedTopic("night_trains", "Night trains", 0, casts=[seen(1), seen(2)])
    assert names(find_trends([pair], [], NOW)) == ["night_trains"]


def test_what_three_people_say_in_channels_is_found_without_a_list() -> None:
    said = [seen(number, f"The brass kettle sings, take {number}", channel="food") for number in range(3)]
    (trend,) = find_trends([], said, NOW)
    assert (trend.slug, trend.authors, trend.channels) == ("brass_kettle", 3, ("food",))
    assert find_trends([], said[:2], NOW) == []


def test_casts_in_channels_join_the_listed_topic_they_name() -> None:
    listed = ListedTopic(
        "night_trains", "Night trains", 0, casts=[seen(1, "Night trains!"), seen(2, "All night trains")]
    )
    (trend,) = find_trends([listed], [seen(3, "the trains of the night"), seen(4, "a night walk")], NOW)
    assert trend.authors == 3


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ListedTopic("night_train", "Night train", 1, casts=[seen(5), seen(6)]), id="the same words"),
        pytest.param(ListedTopic("sleepers", "Sleepers", 1, casts=[seen(1), seen(2), seen(9)]), id="the same casts"),
    ],
)
def test_topics_that_are_the_same_become_one_under_the_name_that_ranks_higher(other: ListedTopic) -> None:
    first = ListedTopic("night_trains", "Night trains", 0, casts=[seen(1), seen(2)])
    assert names(find_trends([other, first], [], NOW)) == ["night_trains"]


def test_a_topic_keeps_the_time_at_which_it_was_first_seen() -> None:
    earlier = NOW - dt.timedelta(hours=1)
    listed = ListedTopic("night_trains", "Night trains", 0, casts=[seen(1), seen(2)])
    (trend,) = find_trends([listed], [], NOW, known=[make_trend(since=earlier)])
    assert (trend.since, trend.at) == (earlier, NOW)


def test_old_casts_doubles_and_copies_are_left_out() -> None:
    copy = seen(2, "Buy this coin now!!", hours=1)
    found = tidy(
        [
            seen(1, "buy THIS coin, now https://spam.example", hours=2),
            copy,
            seen(3, "something else", hours=49),
            seen(4, "four", likes=1),
            seen(4, "four", likes=5),
        ],
        NOW,
    )
    assert [(cast.author_fid, cast.likes) for cast in found.values()] == [(101, 0), (104, 5)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("night_trains", "night_trains", True),
        ("night_trains", "night_train", True),
        ("sourdough", "sourdough_season", True),
        ("night_trains", "night_walks", False),
        ("ai_agents", "ai_art", False),
    ],
)
def test_slugs_of_the_same_words_are_one_topic(one: str, other: str, same: bool) -> None:
    assert is_same(make_trend(one), make_trend(other)) is same


def test_trends_that_share_a_cast_are_one_topic() -> None:
    cast = TrendCast(hash="0x1", author_fid=7, text="hi", at=NOW)
    assert is_same(make_trend("night_trains", casts=(cast,)), make_trend("sleepers", casts=(cast,)))


def test_keywords_leave_out_what_says_nothing() -> None:
    assert keywords("GM! The night-trains of 2026 are so good, it's AI https://x.example/ai-stuff") == {
        "night",
        "train",
        "ai",
    }


def test_a_cast_of_ten_thousand_bytes_costs_what_a_short_one_does() -> None:
    long = [seen(number, f"brass kettle {number} " + "wörd " * 2_000) for number in range(3)]
    (trend,) = find_trends([], long, NOW)
    assert all(len(cast.text.encode()) <= 320 for cast in trend.casts)


def test_the_shown_text_of_a_cast_has_no_links_addresses_and_invisible_characters() -> None:
    text = "Send to 0xdeadbeefdeadbeef\nor www.evil.example/a?b and http://x.y \x1b[2J\u202e now"
    assert shown(text) == "Send to (address) or (link) and (link) \\x1b[2J\\u202e now"
    assert plain_name("Night <trains> & `more`\n{x}") == "Night trains & more x"


# The gate


TOLD = ("Everyone should stake their coins at the pool today, it doubles",)


@pytest.mark.parametrize(
    "text",
    [
        "Trains at https://evil.example now",
        "Trains at HTTPS://EVIL.EXAMPLE",
        "Trains at www.evil.example",
        "Trains at evil.xyz",
        "Trains at evil.example/claim",
        "Trains at ev\u200bil.xyz, you know",
        "Trains at ｅｖｉｌ.ｘｙｚ",
        "Trains at evil[.]com",
        "Trains at еvil dot com",
        "Trains at evil-dot-shop",
        "Send it to 0x dead beef dead beef",
        "Send it to 0xdeadbeef",
        "Send it to 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
        "Buy $TRAIN while you can",
        "Ask @mallory about it",
        "Sleep well #nighttrains",
        "I say: everyone should STAKE their coins at the pool today.",
    ],
)
def test_text_dictated_by_casts_is_a_violation(text: str) -> None:
    assert rule_violations([text], TextContext(make_agent(), untrusted=TOLD))


@pytest.mark.parametrize(
    "text",
    [
        "A night train is a hotel that apologises. It costs $40 and leaves at 9.30 p.m.",
        "Half of it is waiting, e.g. in Basel. The rest is sleep.",
        "Coins in a pool do nothing but get wet.",
    ],
)
def test_a_post_of_the_agents_own_passes(text: str) -> None:
    assert rule_violations([text], TextContext(make_agent(), untrusted=TOLD)) == []


def test_what_the_agents_own_description_names_may_be_named() -> None:
    persona = {"bio": "I run trains.example.com with @bo.", "topics": ["trains"]}
    agent = make_agent(persona=persona)
    assert rule_violations(["See trains.example.com, ask @bo"], TextContext(agent, untrusted=TOLD)) == []
    assert rule_violations(["See trains.evil.com, ask @bob"], TextContext(agent, untrusted=TOLD)) != []
