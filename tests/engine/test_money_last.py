"""Checks that cost nothing come before everything that costs money, for every kind of run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from helpers.conversations import BOB, ENGAGEMENT, ScriptedModel, mention_ada, receive
from helpers.conversations import cast as cast_by
from helpers.skill_setup import skill, skill_setups

from ceos.domain.agent import Agent
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.domain.topics import Relevance, Trend
from ceos.errors import LimitReached
from ceos.runs.cast_limit import CastLimit
from ceos.testing import FakeRuntime
from ceos.trends.store import ClaimedTrend

QUESTION = "@ada how do you keep a pendulum steady in summer?"
STATEMENT = "@ada bridges are patient and clocks are not, as you know"


def paid(fake: FakeRuntime, what: str = "completion") -> int:
    """Return how many texts ("completion") or pictures ("generated") were paid for."""
    return sum(one["what"] == what for one in fake.simulator.timeline())


def places(fake: FakeRuntime) -> int:
    """Return how many places of ada's hour are taken."""
    return CastLimit(fake.runtime.database).places_taken(fake.runtime.agents.agent("ada"), fake.clock.now())


def fill_hour(fake: FakeRuntime, agent: Agent) -> None:
    limit = agent.limits.casts_per_hour
    CastLimit(fake.runtime.database).claim_places(agent, "ada:other", limit, fake.clock.now())


def trend_run(fake: FakeRuntime, agent: Agent) -> str:
    now = fake.clock.now()
    trend = Trend(slug="night_trains", name="Night trains", score=9, strength=1, at=now, since=now, authors=2)
    claimed = ClaimedTrend(trend=trend, relevance=Relevance(value=1, reason="because", by="words"))
    run, answer = fake.runtime.trend_store.open_trend_run(agent, claimed, now)
    assert answer == "opened"
    return run


def event_run(fake: FakeRuntime, agent: Agent) -> str:
    subscription = Subscription(name="pings", contract="counter", event="Counted", agents=(agent.id,), posts_per_day=5)
    block, tx = "0x" + "22" * 32, "0x" + "33" * 32
    event = ChainEvent(
        subscription="pings", id=f"{block}:0", contract="0x" + "11" * 20, name="Counted", args={"count": 7},
        block=5, block_hash=block, tx_hash=tx, index=0,
    )  # fmt: skip
    (run,) = fake.runtime.event_posts.open_runs(subscription, event)
    return run


def open_run(fake: FakeRuntime, agent: Agent, kind: str) -> str:
    match kind:
        case "trend":
            return trend_run(fake, agent)
        case "event":
            return event_run(fake, agent)
        case "mention":
            return receive(fake, cast_by(fake, QUESTION))
        case "manual":
            return fake.runtime.post("ada", kind=Kind.ORIGINAL)
    fake.clock.set(dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC))
    return "ada:1772442000000"


KINDS = ["schedule", "manual", "mention", "trend", "event"]


def test_a_slot_every_two_minutes_costs_nothing_once_the_hour_is_full(fake_runtime: FakeRuntime) -> None:
    fake = fake_runtime
    fake.apply(strategy="text-heavy", schedule={"cron": "*/2 * * * *"}, limits={"casts_per_hour": 4})
    free = 0
    for _ in range(45):
        before, is_full = paid(fake), places(fake) >= 4
        fake.clock.advance(minutes=2)
        fake.drive()
        if is_full and places(fake) >= 4 and len(fake.casts()) == 4:
            assert paid(fake) == before
            free += 1
    runs = fake.runtime.runs.recent_runs("ada", 100)
    outcomes = [str(run.status) for run in runs]
    assert set(outcomes) == {"published", "limited"}
    assert free > 20
    assert outcomes.count("limited") > 30
    # Every text that was paid for was published.
    assert paid(fake) == outcomes.count("published")
    assert all(run.reason.startswith("over the limit") for run in runs if run.status == "limited")


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_hour_costs_no_kind_of_run_anything(fake_runtime: FakeRuntime, kind: str) -> None:
    fake = fake_runtime
    agent = fake.apply(engagement=ENGAGEMENT, trends={"posts_per_day": 3})
    run_id = open_run(fake, agent, kind)
    fill_hour(fake, agent)
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert run.status == ("ignored" if kind == "mention" else "limited")
    assert run.reason.startswith("over the limit: 10 casts")
    assert (paid(fake), paid(fake, "generated")) == (0, 0)
    assert fake.runtime.agents.agent_statuses(["ada"])[0].failures == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("why", ["paused", "halted", "budget"])
def test_no_kind_of_run_costs_anything_while_nothing_may_be_published(
    fake_runtime: FakeRuntime, kind: str, why: str
) -> None:
    fake = fake_runtime
    limits = {"usd_per_day": 0.0001} if why == "budget" else {}
    agent = fake.apply(engagement=ENGAGEMENT, trends={"posts_per_day": 3}, limits=limits)
    run_id = open_run(fake, agent, kind)
    fake.scheduler.tick()
    fake.sent.clear()
    if why == "paused":
        fake.runtime.pause("ada")
    if why == "halted":
        fake.runtime.ops.set_panic("stop")
    fake.drive(rounds=3)
    assert fake.runtime.runs.run(run_id).status == ("limited" if why == "budget" else "planned")
    assert (paid(fake), paid(fake, "generated")) == (0, 0)
    assert places(fake) == 0


def test_a_model_does_not_score_a_mention_that_cannot_be_answered(fake_runtime: FakeRuntime) -> None:
    agent = fake_runtime.apply(engagement={**ENGAGEMENT, "answers_per_person_per_hour": 1, "recasts_per_day": 0})
    model = ScriptedModel("Invar for the rod.", "Oil it less.", score=0.9).use(fake_runtime)
    assert mention_ada(fake_runtime, STATEMENT).status == "published"
    assert model.judged == 1
    # A second one of the same person cannot be answered within the hour; words decide whether it is liked.
    assert mention_ada(fake_runtime, STATEMENT + ", and I say it twice").status in ("reacted", "ignored")
    # Another person's cannot either, because the part of the hour that is for replies is used up.
    CastLimit(fake_runtime.runtime.database).claim_places(agent, "ada:other", 8, fake_runtime.clock.now())
    mention_ada(fake_runtime, STATEMENT, fid=BOB + 1)
    assert (model.judged, len(model.told)) == (1, 1)


def test_an_agent_with_a_full_hour_is_not_asked_about_trends(fake_runtime: FakeRuntime) -> None:
    agent = fake_runtime.apply(trends={"posts_per_day": 3, "channels": ["travel"]})
    fill_hour(fake_runtime, agent)
    for fid in (701, 702, 703):
        fake_runtime.runtime.neynar.publish_cast(
            f"00000000-0000-4000-8000-{fid:012d}", "Night trains are back.", idem=f"t{fid}", channel="travel"
        )
    fake_runtime.runtime.trends.refresh()
    assert fake_runtime.runtime.trends.consider("ada") == []
    assert paid(fake_runtime) == 0


# The reservation


def test_a_run_reserves_a_place_for_each_part_it_may_have_and_gives_back_the_rest(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    run_id = fake_runtime.runtime.post("ada", kind=Kind.THREAD)
    seen: list[int] = []
    model = ScriptedModel("One clock.\n---SPLIT---\nTwo clocks.").use(fake_runtime)
    model.before = lambda: seen.append(places(fake_runtime))
    fake_runtime.runtime.pipeline.write(run_id)
    assert seen and set(seen) <= {3, 4, 5}
    assert places(fake_runtime) == 2
    fake_runtime.drive()
    assert (fake_runtime.runtime.runs.run(run_id).status, places(fake_runtime)) == ("published", 2)


def test_a_run_that_publishes_nothing_gives_back_its_places(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(approval="review")
    ScriptedModel("I cannot help with that request.").use(fake_runtime)
    assert fake_runtime.post(kind=Kind.ORIGINAL).status == "failed"
    assert places(fake_runtime) == 0
    ScriptedModel("Clocks drift.").use(fake_runtime)
    run = fake_runtime.post(kind=Kind.ORIGINAL)
    assert (run.status, places(fake_runtime)) == ("review", 1)
    fake_runtime.runtime.ledger.decide(run.id, "reject", "dull")
    assert places(fake_runtime) == 0


def test_a_mention_that_is_liked_keeps_no_place(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(engagement=ENGAGEMENT)
    ScriptedModel("unused", score=0.4).use(fake_runtime)
    assert mention_ada(fake_runtime, STATEMENT).status == "reacted"
    assert places(fake_runtime) == 0


def test_the_places_of_a_run_that_crashes_its_workers_end_with_the_hour(fake_runtime: FakeRuntime) -> None:
    agent = fake_runtime.apply(limits={"casts_per_hour": 2})

    def crash() -> None:
        raise KeyboardInterrupt

    ScriptedModel("unused").use(fake_runtime).before = crash
    run_id = fake_runtime.runtime.post("ada", kind=Kind.ORIGINAL)
    with pytest.raises(KeyboardInterrupt):
        fake_runtime.runtime.pipeline.write(run_id)
    assert places(fake_runtime) == 1
    fake_runtime.clock.advance(minutes=61)
    CastLimit(fake_runtime.runtime.database).claim_places(agent, "ada:other", 2, fake_runtime.clock.now())


def test_the_part_of_unknown_outcome_keeps_its_place_when_its_run_ends(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.runtime.publisher.check_signer(fake_runtime.runtime.agents.agent("ada"))
    fake_runtime.simulator.faults(neynar={"script": ["ok", "cut_after"], "read_error_500": 1})
    run_id = fake_runtime.runtime.post("ada", text="One clock.\n---SPLIT---\nTwo clocks.\n---SPLIT---\nThree clocks.")
    fake_runtime.drive(rounds=120)
    assert fake_runtime.runtime.runs.run(run_id).status == "partial"
    assert places(fake_runtime) == 2


def test_a_paid_draft_whose_places_are_gone_waits_and_is_not_paid_again(fake_runtime: FakeRuntime) -> None:
    # Given a draft that was written, and whose worker was away for more than an hour while another post filled it
    agent = fake_runtime.apply(limits={"casts_per_hour": 2}, schedule={"cron": "0 0 1 1 *"})
    run_id = fake_runtime.runtime.post("ada", kind=Kind.ORIGINAL)
    fake_runtime.runtime.pipeline.write(run_id)
    texts = paid(fake_runtime)
    fake_runtime.clock.advance(minutes=61)
    fill_hour(fake_runtime, agent)
    # Then it waits for a place, and is published as it is
    fake_runtime.drive(rounds=3)
    run = fake_runtime.runtime.runs.run(run_id)
    assert (run.status, fake_runtime.casts()) == ("publishing", [])
    assert run.reason.startswith("over the limit")
    fake_runtime.clock.advance(minutes=60)
    fake_runtime.drive()
    assert fake_runtime.runtime.runs.run(run_id).status == "published"
    assert paid(fake_runtime) == texts


def test_a_text_that_has_to_be_split_takes_no_more_places_than_the_agent_has(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(limits={"casts_per_hour": 2})
    ScriptedModel(" ".join(f"Sentence {number} is about clocks." for number in range(18))).use(fake_runtime)
    assert fake_runtime.post(kind=Kind.ORIGINAL).status == "published"
    assert len(fake_runtime.casts()) == 2
    fake_runtime.clock.advance(hours=2)
    ScriptedModel(" ".join(f"Sentence {number} is about bridges." for number in range(28))).use(fake_runtime)
    assert fake_runtime.post(kind=Kind.ORIGINAL).status == "failed"


def test_a_thread_that_can_never_fit_is_not_written(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(limits={"casts_per_hour": 2})
    run = fake_runtime.post(kind=Kind.THREAD)
    assert run.status == "limited"
    assert run.reason.endswith("and the agent may publish 2 an hour")
    assert paid(fake_runtime) == 0


def test_replies_reserve_only_their_share_of_the_hour(fake_runtime: FakeRuntime) -> None:
    agent = fake_runtime.apply(limits={"casts_per_hour": 4})
    limit, now = CastLimit(fake_runtime.runtime.database), fake_runtime.clock.now()
    limit.claim_places(agent, "ada:1", 3, now)
    with pytest.raises(LimitReached):
        limit.claim_places(agent, "ada:r:0xabc", 1, now, share=0.75)
    limit.claim_places(agent, "ada:2", 1, now)


def test_a_reply_that_waits_for_its_judge_keeps_its_place_while_posts_fill_the_hour(fake_runtime: FakeRuntime) -> None:
    agent = fake_runtime.apply(engagement=ENGAGEMENT, limits={"casts_per_hour": 4})
    model = ScriptedModel("Invar for the rod. Brass would cost you a minute in a warm week.").use(fake_runtime)
    fake_runtime.simulator.faults(openrouter={"error_503": {"p": 1, "models": [agent.output.judge]}})
    run_id = receive(fake_runtime, cast_by(fake_runtime, QUESTION))
    fake_runtime.step()
    assert (fake_runtime.runtime.runs.run(run_id).status, places(fake_runtime)) == ("planned", 1)
    CastLimit(fake_runtime.runtime.database).claim_places(agent, "ada:other", 3, fake_runtime.clock.now())
    fake_runtime.simulator.faults(openrouter={"error_503": 0})
    fake_runtime.drive()
    assert (fake_runtime.runtime.runs.run(run_id).status, len(model.told)) == ("published", 1)


def test_a_paid_text_whose_places_ended_while_it_waited_for_its_judge_waits_for_others(
    fake_runtime: FakeRuntime,
) -> None:
    agent = fake_runtime.apply(
        output={"judge_texts": "all"}, limits={"casts_per_hour": 4}, schedule={"cron": "0 0 1 1 *"}
    )
    model = ScriptedModel("Invar for the rod. Brass would cost you a minute in a warm week.").use(fake_runtime)
    fake_runtime.simulator.faults(openrouter={"error_503": {"p": 1, "models": [agent.output.judge]}})
    run_id = fake_runtime.runtime.post("ada", kind=Kind.ORIGINAL)
    fake_runtime.step()
    fake_runtime.clock.advance(minutes=61)
    fill_hour(fake_runtime, agent)
    fake_runtime.simulator.faults(openrouter={"error_503": 0})
    fake_runtime.wake()
    fake_runtime.step()
    assert fake_runtime.runtime.runs.run(run_id).status == "planned"
    fake_runtime.clock.advance(minutes=61)
    fake_runtime.drive()
    assert (fake_runtime.runtime.runs.run(run_id).status, len(model.told)) == ("published", 1)


# Late, and money before skills


def media_run(fake: FakeRuntime) -> str:
    """Write the draft of a slot that wants a picture, and return its run."""
    fake.apply(strategy="media-heavy")
    for hour in range(24):
        fake.clock.set(dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC) + dt.timedelta(hours=hour))
        fake.scheduler.tick()
        (call,) = fake.sent
        fake.sent.clear()
        if fake.runtime.pipeline.write(call[0]) == "illustrate":
            return call[0]
        fake.drive()
    raise AssertionError("no slot of the day wants a picture")


def test_no_picture_is_paid_for_a_post_that_has_become_late(fake_runtime: FakeRuntime) -> None:
    run_id = media_run(fake_runtime)
    pictures = paid(fake_runtime, "generated")
    fake_runtime.clock.advance(hours=5)
    fake_runtime.runtime.pipeline.illustrate(run_id)
    run: Run = fake_runtime.runtime.runs.run(run_id)
    assert run.status == "missed"
    assert run.reason.startswith("late by 300 min")
    assert paid(fake_runtime, "generated") == pictures


def test_skills_do_not_run_when_the_text_would_be_over_the_budget(
    tmp_path: Path, ceos_home: Path, ceos_simulator: Any
) -> None:
    thrifty = skill("thrifty", 'return ctx.llm_generate("One word.")', grants={"llm": {"max_usd": 0.001}})
    with skill_setups(tmp_path, ceos_home, ceos_simulator) as open_setup:
        setup = open_setup(thrifty, limits={"usd_per_day": 0.002})
        run = setup.fake.post(kind=Kind.ORIGINAL)
        assert (run.status, setup.model.asked) == ("limited", [])
