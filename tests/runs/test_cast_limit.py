"""What an agent may use up: casts in an hour and dollars in a day, also when many workers ask at once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ceos.domain.agent import Agent
from ceos.domain.posts import Kind
from ceos.errors import CeosError, LimitReached, OutcomeUnknown, RateLimited, RequestRefused, ServiceUnavailable
from ceos.operations.agents import spent_today
from ceos.runs.budget import Budget, utc_day
from ceos.runs.cast_limit import CastLimit
from ceos.storage.connection import Database, connect
from ceos.storage.runs import RunStore
from ceos.testing import FakeRuntime, make_agent

NINE = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
THREAD = "\n---SPLIT---\n".join(("One clock.", "Two clocks.", "Three clocks."))


def later(**delta: float) -> dt.datetime:
    return NINE + dt.timedelta(**delta)


@pytest.fixture
def database(fake_runtime: FakeRuntime) -> Database:
    return fake_runtime.runtime.database


@pytest.fixture
def limit(database: Database) -> CastLimit:
    return CastLimit(database)


@pytest.fixture
def budget(database: Database) -> Budget:
    return Budget(database)


def agent_with(**limits: Any) -> Agent:
    return make_agent(limits=limits)


def refused(limit: CastLimit, agent: Agent, run: str, parts: int = 1, at: dt.datetime = NINE) -> str:
    """Return why the limit refuses, or an empty string when it does not."""
    try:
        limit.claim_places(agent, run, parts, at)
    except LimitReached as error:
        return str(error)
    return ""


# Casts in an hour


def test_the_hour_counts_every_part_of_a_thread(limit: CastLimit) -> None:
    agent = agent_with(casts_per_hour=4)
    assert not refused(limit, agent, "ada:1", parts=3)
    assert not refused(limit, agent, "ada:2")
    assert refused(limit, agent, "ada:3") == (
        "over the limit: 4 casts an hour; there is room for 1 again at 10:00:00 UTC"
    )


def test_a_limit_of_one_is_told_in_the_singular(limit: CastLimit) -> None:
    agent = agent_with(casts_per_hour=1)
    assert not refused(limit, agent, "ada:1")
    assert refused(limit, agent, "ada:2") == (
        "over the limit: 1 cast an hour; there is room for 1 again at 10:00:00 UTC"
    )


def test_a_thread_gets_all_of_its_places_or_none(limit: CastLimit) -> None:
    agent = agent_with(casts_per_hour=4)
    assert not refused(limit, agent, "ada:1", parts=2)
    assert refused(limit, agent, "ada:2", parts=3)
    assert not refused(limit, agent, "ada:3", parts=2), "the refused thread holds no place"


def test_taking_again_for_the_same_run_takes_nothing_more(limit: CastLimit) -> None:
    agent = agent_with(casts_per_hour=3)
    for minute in range(5):
        assert not refused(limit, agent, "ada:1", parts=3, at=later(minutes=minute))
    assert refused(limit, agent, "ada:2", at=later(minutes=63)), "its parts may have left at the last taking"
    assert not refused(limit, agent, "ada:2", at=later(minutes=64))


def test_the_hour_slides(limit: CastLimit) -> None:
    agent = agent_with(casts_per_hour=2)
    assert not refused(limit, agent, "ada:1", at=NINE)
    assert not refused(limit, agent, "ada:2", at=later(minutes=40))
    assert "10:00:00" in refused(limit, agent, "ada:3", at=later(minutes=59))
    assert "10:40:00" in refused(limit, agent, "ada:3", parts=2, at=later(minutes=59))
    assert not refused(limit, agent, "ada:3", at=later(minutes=60))
    assert "10:40:00" in refused(limit, agent, "ada:4", at=later(minutes=60))


def test_a_thread_longer_than_the_limit_says_so(limit: CastLimit) -> None:
    words = "over the limit: the post may have 3 casts, and the agent may publish 2 an hour"
    assert refused(limit, agent_with(casts_per_hour=2), "ada:1", parts=3) == words


def test_each_agent_has_an_hour_of_its_own(limit: CastLimit) -> None:
    assert not refused(limit, agent_with(casts_per_hour=1), "ada:1")
    assert not refused(limit, make_agent(id="ben", limits={"casts_per_hour": 1}), "ben:1")


def test_the_hour_holds_across_threads_and_processes(fake_runtime: FakeRuntime) -> None:
    agent = agent_with(casts_per_hour=10)
    limits = [CastLimit(Database(connect(fake_runtime.runtime.redis_url))) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: refused(limits[n % 2], agent, f"ada:{n}", parts=1 + n % 3), range(60)))
    granted = sum(1 + n % 3 for n, answer in enumerate(answers) if not answer)
    assert granted == 10


def test_a_post_over_the_limit_ends_as_limited_and_says_why(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(limits={"casts_per_hour": 4})
    assert fake_runtime.post(text=THREAD).status == "published"
    run = fake_runtime.post(text=THREAD.replace("clock", "bridge"))
    assert run.status == "limited"
    assert run.reason == "over the limit: 4 casts an hour; there is room for 3 again at 09:59:00 UTC"
    assert len(fake_runtime.casts()) == 3
    status = fake_runtime.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.failures) == ("sleeping", 0)


@pytest.mark.parametrize("script", [["rate_limited"], ["ok", "rate_limited"]], ids=["unsent", "begun"])
def test_the_hour_holds_for_a_thread_that_was_held_up(fake_runtime: FakeRuntime, script: list[str]) -> None:
    # Given a thread that is asked to wait, and goes on much later
    fake_runtime.apply(limits={"casts_per_hour": 3})
    fake_runtime.simulator.faults(neynar={"script": script, "retry_after": 90})
    run_id = fake_runtime.runtime.post("ada", text=THREAD)
    fake_runtime.step()
    fake_runtime.clock.advance(minutes=61)
    fake_runtime.drive()
    assert fake_runtime.runtime.runs.run(run_id).status == "published"
    # Then its hour counts from there
    fake_runtime.clock.advance(minutes=2)
    assert fake_runtime.post(text=THREAD.replace("clock", "bridge")).status == "limited"


def test_a_thread_that_has_begun_waits_for_room(fake_runtime: FakeRuntime) -> None:
    # Given a thread of which one part is out, and an hour that another post has filled meanwhile
    agent = fake_runtime.apply(limits={"casts_per_hour": 3})
    fake_runtime.simulator.faults(neynar={"script": ["ok", "rate_limited"], "retry_after": 90})
    run_id = fake_runtime.runtime.post("ada", text=THREAD)
    fake_runtime.step()
    fake_runtime.clock.advance(minutes=61)
    CastLimit(fake_runtime.runtime.database).claim_places(agent, "ada:other", 3, fake_runtime.clock.now())
    # Then it waits, and goes on when there is room
    fake_runtime.drive(rounds=3)
    run = fake_runtime.runtime.runs.run(run_id)
    assert (run.status, len(fake_runtime.casts())) == ("publishing", 1)
    assert run.reason.startswith("over the limit")
    fake_runtime.clock.advance(minutes=60)
    fake_runtime.drive()
    assert fake_runtime.runtime.runs.run(run_id).status == "published"


def test_a_thread_that_is_waiting_keeps_its_places(fake_runtime: FakeRuntime) -> None:
    # Given a thread that takes the whole hour and is interrupted after its first part
    fake_runtime.apply(limits={"casts_per_hour": 3})
    fake_runtime.simulator.faults(neynar={"script": ["ok", "rate_limited"], "retry_after": 90})
    run_id = fake_runtime.runtime.post("ada", text=THREAD)
    fake_runtime.step()
    # When it goes on an hour later, the hour is not asked again
    fake_runtime.clock.advance(minutes=30)
    fake_runtime.drive()
    assert fake_runtime.runtime.runs.run(run_id).status == "published"
    assert len(fake_runtime.casts()) == 3


# Dollars in a day


def spent(database: Database, at: dt.datetime = NINE) -> float:
    return RunStore(database).spent("ada", utc_day(at))


def test_what_was_set_aside_and_not_used_flows_back(database: Database, budget: Budget) -> None:
    with budget.reserve(agent_with(usd_per_day=1), "call", 0.5, NINE) as reservation:
        assert spent(database) == 0.5
        reservation.settle(0.0123)
    assert spent(database) == 0.0123


def test_a_call_that_would_not_fit_is_refused_before_it_is_made(database: Database, budget: Budget) -> None:
    agent = agent_with(usd_per_day=1)
    with budget.reserve(agent, "first", 0.8, NINE) as reservation:
        with pytest.raises(LimitReached) as refusal, budget.reserve(agent, "second", 0.3, NINE):
            pytest.fail("the call must not be made")
        reservation.settle(0.1)
    assert str(refusal.value) == (
        "over the limit: 1.00 USD a day, 0.8000 spent or set aside, and this call may cost 0.3000"
    )
    assert spent(database) == 0.1
    with budget.reserve(agent, "second", 0.9, NINE):
        assert spent(database) == 1.0


@pytest.mark.parametrize(
    "error", [RateLimited(), ServiceUnavailable(), RequestRefused()], ids=lambda e: type(e).__name__
)
def test_a_call_that_was_not_carried_out_costs_nothing(database: Database, budget: Budget, error: CeosError) -> None:
    with pytest.raises(type(error)), budget.reserve(agent_with(), "call", 0.5, NINE):
        raise error
    assert spent(database) == 0


@pytest.mark.parametrize("error", [OutcomeUnknown(), RuntimeError("killed")], ids=lambda e: type(e).__name__)
def test_a_call_of_unknown_outcome_keeps_its_reservation(database: Database, budget: Budget, error: Exception) -> None:
    with pytest.raises(type(error)), budget.reserve(agent_with(), "call", 0.5, NINE):
        raise error
    assert spent(database) == 0.5


def test_what_was_settled_before_a_failure_is_kept(database: Database, budget: Budget) -> None:
    with pytest.raises(ServiceUnavailable), budget.reserve(agent_with(), "call", 0.5, NINE) as reservation:
        reservation.settle(0.2)
        raise ServiceUnavailable
    assert spent(database) == 0.2


def test_a_reservation_repeated_under_its_name_counts_once(database: Database, budget: Budget) -> None:
    agent = agent_with(usd_per_day=1)
    with budget.reserve(agent, "call", 0.6, NINE), budget.reserve(agent, "call", 0.6, NINE):
        assert spent(database) == 0.6


def test_a_new_day_has_a_new_budget(database: Database, budget: Budget) -> None:
    agent, midnight = agent_with(usd_per_day=1), dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
    with budget.reserve(agent, "late", 1.0, midnight - dt.timedelta(seconds=1)) as reservation:
        reservation.settle(1.0)
    with pytest.raises(LimitReached), budget.reserve(agent, "later", 0.01, midnight - dt.timedelta(milliseconds=1)):
        pytest.fail("the day is spent")
    with budget.reserve(agent, "early", 1.0, midnight) as reservation:
        reservation.settle(0.4)
    assert (spent(database, NINE), spent(database, midnight)) == (1.0, 0.4)


def test_the_day_is_the_one_of_utc_whatever_zone_the_clock_is_in() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    assert utc_day(dt.datetime(2026, 3, 3, 5, tzinfo=tokyo)) == "20260302"


def test_nothing_may_be_spent_with_a_budget_of_zero(budget: Budget) -> None:
    with pytest.raises(LimitReached), budget.reserve(agent_with(usd_per_day=0), "call", 0.000001, NINE):
        pytest.fail("the call must not be made")


def test_the_sum_never_passes_the_limit_with_many_workers_at_once(fake_runtime: FakeRuntime) -> None:
    agent = agent_with(usd_per_day=1)
    databases = [Database(connect(fake_runtime.runtime.redis_url)) for _ in range(2)]
    seen: list[float] = []

    def call(number: int) -> bool:
        database = databases[number % 2]
        try:
            with Budget(database).reserve(agent, f"call-{number}", 0.09, NINE) as reservation:
                seen.append(spent(database))
                reservation.settle(0.09 if number % 3 else 0.04)
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(call, range(80)))
    assert max(seen) <= 1.0
    assert spent(databases[0]) == pytest.approx(
        sum(0.09 if number % 3 else 0.04 for number, is_granted in enumerate(granted) if is_granted)
    )
    assert 0.9 < spent(databases[0]) <= 1.0, "and it is used, not hoarded"


def test_a_post_that_would_cost_too_much_ends_as_limited_before_a_word_is_written(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(limits={"usd_per_day": 0.0001})
    run = fake_runtime.post(kind=Kind.ORIGINAL)
    assert run.status == "limited"
    assert "over the limit: 0.00 USD a day" in run.reason
    assert [one for one in fake_runtime.simulator.timeline() if one["what"] == "completion"] == []
    assert spent_today(fake_runtime.runtime, "ada") == 0


def test_a_post_costs_what_the_services_charged(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    run = fake_runtime.post(kind=Kind.ORIGINAL)
    (completion,) = [one for one in fake_runtime.simulator.timeline() if one["what"] == "completion"]
    assert run.draft is not None
    assert run.draft.cost_usd == pytest.approx(completion["cost"])
    assert spent_today(fake_runtime.runtime, "ada") == pytest.approx(completion["cost"], abs=2e-6)


def test_a_completion_of_unknown_outcome_counts_as_paid(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(openrouter={"script": ["cut_before"]})
    run = fake_runtime.post(kind=Kind.ORIGINAL)
    assert run.status == "published"
    assert run.draft is not None
    (completion,) = [one for one in fake_runtime.simulator.timeline() if one["what"] == "completion"]
    assert run.draft.cost_usd > completion["cost"] + 0.001
    assert spent_today(fake_runtime.runtime, "ada") == pytest.approx(run.draft.cost_usd, abs=2e-6)


def test_a_picture_that_failed_counts_with_all_it_may_have_cost(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(fal={"cut_before": 1})
    run = fake_runtime.post(kind=Kind.MEDIA)
    assert run.status == "published"
    assert run.draft is not None
    # The chosen model and the one that took its place, neither of which gave an answer.
    worst = 2 * fake_runtime.runtime.fal.image_price_usd("schnell", "portrait")
    assert spent_today(fake_runtime.runtime, "ada") == pytest.approx(run.draft.cost_usd + worst, abs=2e-6)


def test_a_picture_that_certainly_was_not_made_costs_nothing(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(fal={"error_500_text": 1})
    run = fake_runtime.post(kind=Kind.MEDIA)
    assert run.draft is not None
    assert spent_today(fake_runtime.runtime, "ada") == pytest.approx(run.draft.cost_usd, abs=2e-6)


def test_a_picture_that_the_budget_does_not_allow_leaves_a_post_without_one(fake_runtime: FakeRuntime) -> None:
    runtime = fake_runtime.runtime
    fake_runtime.apply(models={"image": "pro-ultra"})
    run_id = runtime.post("ada", kind=Kind.MEDIA)
    runtime.pipeline.write(run_id)
    fake_runtime.apply(models={"image": "pro-ultra"}, limits={"usd_per_day": spent_today(runtime, "ada") + 0.01})
    fake_runtime.drive()
    run = runtime.runs.run(run_id)
    assert (run.status, fake_runtime.casts()[0]["embeds"]) == ("published", [])
    assert run.draft is not None
    assert "no picture, text only: over the limit" in run.draft.notes[0]
