"""The mixes: shares, repeatability, topics and prompts."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections import Counter
from pathlib import Path

import pytest

import ceos
from ceos import Agent, Brief, Kind, Situation, Strategy
from ceos_strategies import Balanced, MediaHeavy, TextHeavy
from ceos_strategies.mix import Mix

STRATEGIES = [Balanced(), TextHeavy(), MediaHeavy()]
KINDS = [kind for kind in Kind if kind is not Kind.REPLY]


def make_agent(**changes: object) -> Agent:
    fields = {
        "id": "ada",
        "name": "Ada",
        "fid": 1001,
        "signer_uuid_env": "ADA_SIGNER_UUID",
        "persona": {"bio": "Writes about engines.", "topics": ["engines", "looms", "poetry"]},
        "schedule": {"cron": "0 9 * * *"},
    }
    return Agent.model_validate(fields | changes)


def make_situation(slot: int = 1, **changes: object) -> Situation:
    fields = {
        "slot": str(slot),
        "now": dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC),
        "topics": ("engines", "looms", "poetry"),
        "random": random.Random(f"ada|{slot}"),
    }
    return Situation.model_validate(fields | changes)


def brief(strategy: Strategy, situation: Situation, agent: Agent | None = None) -> Brief:
    answer = strategy.brief_post(agent or make_agent(), situation)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("strategy", "shares"),
    [
        (Balanced(), {"original": 35, "thread": 25, "engagement": 20, "media": 20}),
        (TextHeavy(), {"original": 40, "thread": 40, "engagement": 15, "media": 5}),
        (MediaHeavy(), {"media": 60, "original": 20, "engagement": 15, "thread": 5}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_ten_thousand_slots_get_the_kinds_in_their_shares(strategy: Mix, shares: dict[str, int]) -> None:
    agent = make_agent()
    counts = Counter(brief(strategy, make_situation(slot), agent).kind for slot in range(10_000))
    assert strategy.shares == {Kind(kind): share for kind, share in shares.items()}
    for kind, share in shares.items():
        # Three standard deviations of the widest share are 1.5 percentage points.
        assert counts[Kind(kind)] / 100 == pytest.approx(share, abs=1.5)


def test_the_summary_names_the_shares() -> None:
    assert Balanced().summary == "35% original, 25% thread, 20% engagement, 20% media"


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to 100; these to 90"):
        Mix(original=90)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_the_same_slot_gets_the_same_brief(strategy: Mix) -> None:
    for slot in range(50):
        assert brief(strategy, make_situation(slot)) == brief(strategy, make_situation(slot))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_the_kind_the_operator_asked_for_is_honoured(strategy: Mix, kind: Kind) -> None:
    assert all(brief(strategy, make_situation(slot, kind=kind)).kind is kind for slot in range(50))


def test_asking_for_a_kind_does_not_change_the_topic() -> None:
    asked = [brief(Balanced(), make_situation(slot, kind=Kind.MEDIA)).topic for slot in range(50)]
    assert asked == [brief(Balanced(), make_situation(slot)).topic for slot in range(50)]


def test_a_thread_has_three_to_five_parts_and_says_how_many() -> None:
    briefs = [brief(Balanced(), make_situation(slot, kind=Kind.THREAD)) for slot in range(100)]
    assert {one.max_parts for one in briefs} == {3, 4, 5}
    assert all(f"Exactly {one.max_parts} posts" in one.instructions for one in briefs)
    assert all("---SPLIT---" in one.instructions and "300 bytes" in one.instructions for one in briefs)


def test_only_media_wants_a_picture_and_only_a_thread_several_parts() -> None:
    for kind in KINDS:
        one = brief(Balanced(), make_situation(kind=kind))
        assert one.wants_image == (kind is Kind.MEDIA)
        assert (one.max_parts > 1) == (kind is Kind.THREAD)
        assert ("\nIMAGE: " in one.instructions) == (kind is Kind.MEDIA)


def test_a_topic_that_a_recent_post_mentions_is_left_out() -> None:
    recent = ("I love Engines.", "Poetry is a loom of its own.")
    topics = {brief(Balanced(), make_situation(slot, recent=recent)).topic for slot in range(50)}
    assert topics == {"looms"}


def test_topics_come_back_once_all_were_used() -> None:
    recent = ("engines", "looms", "poetry")
    topics = {brief(Balanced(), make_situation(slot, recent=recent)).topic for slot in range(50)}
    assert topics == {"engines", "looms", "poetry"}


def test_without_topics_in_the_situation_the_persona_has_some() -> None:
    assert brief(Balanced(), make_situation(topics=())).topic in ("engines", "looms", "poetry")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_fill_in_and_the_angle_varies(kind: Kind) -> None:
    texts = {brief(Balanced(), make_situation(slot, kind=kind, topics=("looms",))).instructions for slot in range(200)}
    assert not [text for text in texts if re.search(r"\{\w*\}|## Angles", text)]
    assert all("looms" in text for text in texts)
    angles = {re.search(r"Take this angle: (.+)", text)[1] for text in texts}  # type: ignore[index]
    assert len(angles) >= 8


def test_braces_in_a_topic_stay_what_they_are() -> None:
    one = brief(Balanced(), make_situation(topics=("{angle} and {0} and {nothing}",), kind=Kind.ORIGINAL))
    assert "about {angle} and {0} and {nothing}." in one.instructions


def test_an_agent_with_long_casts_gets_more_room() -> None:
    room = make_agent(long_casts=True)
    assert "under 1004 bytes" in brief(Balanced(), make_situation(kind=Kind.ORIGINAL), room).instructions
    assert "under 300 bytes" in brief(Balanced(), make_situation(kind=Kind.ORIGINAL)).instructions


@pytest.mark.parametrize(
    ("name", "placeholders"),
    [
        ("system", {"name", "bio", "tone", "topics", "avoid", "examples", "limit"}),
        ("recent", {"recent"}),
        ("objection", {"objection"}),
    ],
)
def test_a_prompt_of_the_pipeline_has_exactly_the_places_it_fills(name: str, placeholders: set[str]) -> None:
    text = (Path(ceos.__file__).parent / "posts" / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\{(\w+)\}", text)) == placeholders


def test_a_strategy_that_overrides_nothing_stays_quiet() -> None:
    assert Strategy().brief_post(make_agent(), make_situation()) is None


def test_learned_shares_replace_the_fixed_ones_within_them() -> None:
    learned = {Kind.MEDIA: 90.0, Kind.ORIGINAL: 10.0, Kind.REPLY: 900.0}
    counts = Counter(brief(Balanced(), make_situation(slot, weights=learned)).kind for slot in range(2000))
    assert set(counts) == {Kind.MEDIA, Kind.ORIGINAL}
    assert counts[Kind.MEDIA] / 20 == pytest.approx(90, abs=3)


def test_shares_that_were_learned_for_other_kinds_only_leave_the_mix_as_it_is() -> None:
    for slot in range(50):
        known = brief(Balanced(), make_situation(slot, weights={Kind.REPLY: 100.0}))
        assert known == brief(Balanced(), make_situation(slot))
        assert brief(Balanced(), make_situation(slot, weights={}, kind=Kind.THREAD)).kind is Kind.THREAD


# Videos


def test_a_quarter_of_the_media_posts_are_videos_where_the_agent_has_a_model_for_them() -> None:
    agent = make_agent(models={"video": "wan"})
    briefs = [brief(MediaHeavy(), make_situation(slot), agent) for slot in range(10_000)]
    media = [one for one in briefs if one.kind is Kind.MEDIA]
    assert sum(one.wants_video for one in media) / len(media) == pytest.approx(0.25, abs=0.02)
    assert all(one.wants_media == (one.kind is Kind.MEDIA) for one in briefs)
    assert not any(one.wants_video and one.wants_image for one in briefs)
    (clip,) = {one.instructions[:40] for one in media if one.wants_video}
    assert "silent clip" in clip


def test_switching_videos_on_changes_nothing_else_about_a_post() -> None:
    with_videos = make_agent(models={"video": "seedance"})
    for slot in range(200):
        plain, filmed = (brief(MediaHeavy(), make_situation(slot), agent) for agent in (make_agent(), with_videos))
        if not filmed.wants_video:
            assert filmed == plain
        assert (filmed.kind, filmed.topic, filmed.max_parts) == (plain.kind, plain.topic, plain.max_parts)


@pytest.mark.parametrize("strategy", [Balanced(), TextHeavy()], ids=lambda strategy: strategy.name)
def test_the_other_mixes_make_no_videos(strategy: Mix) -> None:
    agent = make_agent(models={"video": "wan"})
    assert not any(brief(strategy, make_situation(slot), agent).wants_video for slot in range(500))
