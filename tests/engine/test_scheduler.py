"""The scheduler on a real server: each slot opens once however many race, and no slot disappears without a word."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ceos.clock import Clock
from ceos.domain.lifecycle import Stage
from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.domain.schedule import spread_ms
from ceos.engine.scheduler import BATCH, HIGH_WATER, Scheduler
from ceos.errors import StoreUnavailable
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database, connect
from ceos.storage.due import due_work
from ceos.testing import FakeRuntime, make_agent

HOURLY = {"cron": "0 * * * *", "jitter_seconds": 0}


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime at 08:59 with one agent, ada, whose slots are the full hours."""
    fake_runtime.apply()
    return fake_runtime


def at(hour: int, minute: int = 0, day: int = 2) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=dt.UTC)


def runs(fake: FakeRuntime, agent: str = "ada") -> list[Run]:
    return fake.runtime.runs.recent_runs(agent, 200)[::-1]


def slots(fake: FakeRuntime, agent: str = "ada") -> list[str]:
    """The times of the slots that were opened, oldest first."""
    return [f"{dt.datetime.fromtimestamp(int(run.slot) / 1000, dt.UTC):%H:%M}" for run in runs(fake, agent)]


def missed(fake: FakeRuntime) -> dict[str, str]:
    return {f"{item.slot:%H:%M}": item.reason for item in reversed(fake.runtime.agents.missed("ada"))}


def tick(fake: FakeRuntime, moment: dt.datetime) -> list[tuple[str, Stage]]:
    """Tick at a moment and return whom the scheduler called."""
    fake.clock.set(moment)
    fake.sent.clear()
    fake.scheduler.tick()
    return list(fake.sent)


# Firing


def test_a_slot_opens_its_run_when_it_is_due_and_not_before(fake: FakeRuntime) -> None:
    assert tick(fake, at(8, 59)) == []
    assert slots(fake) == []
    (called,) = tick(fake, at(9))
    assert slots(fake) == ["09:00"]
    assert called == (runs(fake)[0].id, Stage.WRITE)
    assert tick(fake, at(9)) == []


def test_a_slot_that_is_spread_is_not_late(fake: FakeRuntime) -> None:
    fake.apply(schedule={**HOURLY, "cron": "0 9,13 * * *", "spread_minutes": 120, "max_late_minutes": 1})
    delay = spread_ms("ada", fake.runtime.agents.agent("ada").schedule, fake.clock.now_ms() + 60_000)
    assert delay > 120_000
    fake.clock.advance(minutes=1)
    fake.drive()
    assert fake.runtime.runs.recent_runs("ada") == []
    fake.clock.advance(seconds=delay / 1000 + 1)
    fake.drive()
    assert [run.status for run in fake.runtime.runs.recent_runs("ada")] == ["published"]


def test_jitter_puts_a_slot_off_by_at_most_a_minute_but_not_the_one_after_it(fake: FakeRuntime) -> None:
    fake.apply(schedule={**HOURLY, "jitter_seconds": 60})
    fire = fake.runtime.database.client.zscore("ceos:due", "ada")
    late = dt.datetime.fromtimestamp(fire / 1000, dt.UTC) - at(9)  # type: ignore[operator]
    assert dt.timedelta(0) < late <= dt.timedelta(minutes=1)
    tick(fake, at(9) + late - dt.timedelta(milliseconds=1))
    assert slots(fake) == []
    tick(fake, at(9) + late)
    assert slots(fake) == ["09:00"]
    next_slot = fake.runtime.agents.agent_statuses(["ada"])[0].next_slot
    assert next_slot == at(10)


def test_a_fired_slot_is_written_and_published(fake: FakeRuntime) -> None:
    fake.clock.set(at(9))
    fake.drive()
    (run,) = runs(fake)
    assert run.status == "published"
    assert fake.casts()[0]["hash"] == run.hashes[0]


def test_two_schedulers_that_read_the_same_due_agents_open_each_run_once(fake: FakeRuntime) -> None:
    # Given two schedulers that have both seen the same agents
    for number in range(20):
        fake.apply(id=f"agent-{number}", fid=2000 + number)
    fake.clock.set(at(9))
    now = fake.clock.now_ms()
    due = due_work(fake.runtime.database, now, BATCH).agents
    other = fake.runtime.scheduler(fake.sent.extend, lambda: 0)
    # When both fire
    first, second = fake.scheduler.fire(due, now), other.fire(due, now)
    # Then only the first opened anything
    assert len(first) == 21
    assert second == []
    assert fake.runtime.ops.counts()["open"] == 21


def test_two_schedulers_that_read_the_same_outage_record_each_missed_slot_once(fake: FakeRuntime) -> None:
    fake.clock.set(at(14, 30))
    now = fake.clock.now_ms()
    due = due_work(fake.runtime.database, now, BATCH).agents
    for _ in range(2):
        fake.scheduler.fire(due, now)
    assert list(missed(fake)) == ["09:00", "10:00", "11:00", "12:00", "13:00"]
    assert fake.runtime.agents.agent_statuses(["ada"])[0].missed == 5


def test_a_scheduler_that_slept_does_not_turn_the_agent_back(fake: FakeRuntime) -> None:
    # Given a scheduler that read the slot of nine o'clock and then slept for an hour
    fake.clock.set(at(9))
    stale, now = due_work(fake.runtime.database, fake.clock.now_ms(), BATCH).agents, fake.clock.now_ms()
    # When others have fired that slot and the next before it wakes
    tick(fake, at(9))
    tick(fake, at(10))
    assert fake.scheduler.fire(stale, now) == []
    # Then the agent's next slot is still the one after
    assert fake.runtime.agents.agent_statuses(["ada"])[0].next_slot == at(11)


def test_many_schedulers_racing_through_a_day_open_every_slot_once(fake: FakeRuntime) -> None:
    agents = [f"agent-{number}" for number in range(10)]
    for number, agent in enumerate(agents):
        fake.apply(id=agent, fid=2000 + number, schedule=HOURLY)
    calls: list[tuple[str, Stage]] = []
    racers = [
        Scheduler(AgentStore(Database(connect(fake.runtime.redis_url))), fake.runtime.ledger, fake.clock, calls.extend)
        for _ in range(6)
    ]
    with ThreadPoolExecutor(len(racers)) as pool:
        for hour in range(9, 15):
            fake.clock.set(at(hour))
            list(pool.map(lambda racer: [racer.tick() for _ in range(3)], racers))
    expected = [f"{hour:02}:00" for hour in range(9, 15)]
    assert all(slots(fake, agent) == expected for agent in agents)
    assert len(calls) == len(set(calls)) == 6 * 11


def test_the_same_moment_under_another_expression_does_not_post_twice(fake: FakeRuntime) -> None:
    fake.clock.set(at(9))
    fake.drive()
    fake.clock.set(at(8, 59))
    fake.apply(schedule={**HOURLY, "cron": "*/30 * * * *"})
    tick(fake, at(9))
    assert slots(fake) == ["09:00"]
    assert len(fake.casts()) == 1


# Missed slots


@pytest.mark.parametrize(
    ("catch_up", "opened", "given_up"),
    [
        pytest.param("once", ["14:00"], ["12:00", "13:00"], id="once makes up for the latest"),
        pytest.param("all", ["12:00", "13:00", "14:00"], [], id="all makes up for every one"),
        pytest.param("skip", [], ["12:00", "13:00", "14:00"], id="skip makes up for none"),
    ],
)
def test_after_an_outage_slots_are_made_up_for_as_the_agent_says(
    fake: FakeRuntime, catch_up: str, opened: list[str], given_up: list[str]
) -> None:
    # Given nobody ticked from 09:00 to 14:30, and an agent that allows three hours of delay
    fake.apply(schedule={**HOURLY, "catch_up": catch_up, "max_late_minutes": 180})
    tick(fake, at(14, 30))
    # Then what is too old is given up, and the rest as the agent says
    assert slots(fake) == opened
    assert list(missed(fake)) == ["09:00", "10:00", "11:00", *given_up]
    assert missed(fake)["09:00"] == "late by 5 h 30 min; the agent allows 3 h"
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.missed, status.next_slot) == (3 + len(given_up), at(15))


def test_runs_that_are_made_up_for_are_published_one_after_the_other(fake: FakeRuntime) -> None:
    fake.apply(schedule={**HOURLY, "catch_up": "all", "max_late_minutes": 180})
    fake.clock.set(at(11, 30))
    fake.drive()
    assert [run.status for run in runs(fake)] == ["published"] * 3
    hashes = [cast["hash"] for cast in fake.casts()]
    assert [hash for run in runs(fake) for hash in run.hashes] == hashes, "in the order of their slots"


def test_a_missed_slot_is_in_the_log_with_its_reason(fake: FakeRuntime, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ceos"):
        tick(fake, at(10, 30))
    (entry,) = [entry for entry in caplog.records if getattr(entry, "event", "") == "slot.missed"]
    assert (entry.__dict__["agent"], entry.__dict__["count"]) == ("ada", 1)
    assert "late by 90 min" in entry.__dict__["reason"]


def test_the_list_of_missed_slots_is_bounded_but_the_count_is_not(fake: FakeRuntime) -> None:
    fake.apply(schedule={**HOURLY, "cron": "* * * * *"})
    tick(fake, at(20, 0, day=5))
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert len(fake.runtime.agents.missed("ada")) == 50
    minutes = 3 * 24 * 60 + 11 * 60 + 1
    assert status.missed + len(runs(fake)) == minutes


def test_an_agent_in_error_records_its_slots_as_missed(fake: FakeRuntime) -> None:
    fake.runtime.database.client.hset("ceos:agent:ada", "state", "error")
    for hour in (9, 10):
        assert tick(fake, at(hour)) == []
    assert missed(fake) == {"09:00": "the agent was in error", "10:00": "the agent was in error"}
    fake.runtime.resume("ada")
    tick(fake, at(11))
    assert slots(fake) == ["11:00"]


# The operator's word takes effect with the next slot


def test_a_paused_agent_has_neither_runs_nor_missed_slots(fake: FakeRuntime) -> None:
    fake.runtime.pause("ada")
    for hour in (9, 10, 11):
        assert tick(fake, at(hour)) == []
    assert (slots(fake), missed(fake)) == ([], {})
    assert fake.runtime.agents.agent_statuses(["ada"])[0].next_slot is None
    assert fake.runtime.ops.counts()["due"] == 0, "it costs no tick anything"
    fake.clock.set(at(11, 30))
    fake.runtime.resume("ada")
    tick(fake, at(11, 31))
    assert (slots(fake), missed(fake)) == ([], {}), "what passed meanwhile is neither made up for nor missed"
    tick(fake, at(12))
    assert slots(fake) == ["12:00"]


def test_a_pause_between_reading_and_firing_opens_nothing(fake: FakeRuntime) -> None:
    fake.clock.set(at(9))
    due = due_work(fake.runtime.database, fake.clock.now_ms(), BATCH).agents
    fake.runtime.pause("ada")
    assert fake.scheduler.fire(due, fake.clock.now_ms()) == []
    assert tick(fake, at(10)) == []
    fake.clock.set(at(10, 30))
    fake.runtime.resume("ada")
    tick(fake, at(11))
    assert slots(fake) == ["11:00"]


def test_a_removed_agent_has_no_more_slots(fake: FakeRuntime) -> None:
    fake.runtime.remove("ada")
    assert tick(fake, at(9)) == []
    assert fake.runtime.ops.counts()["due"] == 0


def test_a_tick_survives_an_agent_removed_between_reading_and_firing(fake: FakeRuntime) -> None:
    fake.apply(id="ben", fid=1002)
    fake.clock.set(at(9))
    due = due_work(fake.runtime.database, fake.clock.now_ms(), BATCH).agents
    fake.runtime.remove("ada")
    assert fake.scheduler.fire(due, fake.clock.now_ms()) == [f"ben:{fake.clock.now_ms()}"]
    assert fake.runtime.ops.counts()["due"] == 1


def test_a_changed_schedule_holds_from_its_next_slot_on(fake: FakeRuntime) -> None:
    tick(fake, at(9))
    fake.clock.set(at(9, 5))
    fake.apply(schedule={**HOURLY, "cron": "20 * * * *"})
    tick(fake, at(9, 19))
    assert slots(fake) == ["09:00"]
    tick(fake, at(9, 20))
    tick(fake, at(10))
    tick(fake, at(10, 20))
    assert slots(fake) == ["09:00", "09:20", "10:20"]


def test_a_changed_persona_leaves_the_next_slot_alone_even_when_it_is_due(fake: FakeRuntime) -> None:
    fake.clock.set(at(9, 1))
    fake.apply(name="Ada Lovelace")
    tick(fake, at(9, 1))
    assert slots(fake) == ["09:00"]


def test_an_agent_applied_again_unchanged_stays_as_it_is(fake: FakeRuntime) -> None:
    fake.clock.set(at(9, 30))
    assert [item.change for item in fake.runtime.apply([make_agent()])] == ["unchanged"]
    tick(fake, at(9, 31))
    assert slots(fake) == ["09:00"]


def test_a_worker_sees_the_new_description_without_a_restart(fake: FakeRuntime) -> None:
    assert fake.post(kind=Kind.ORIGINAL).status == "published"
    fake.apply(approval="review")
    assert fake.post(kind=Kind.ORIGINAL).status == "review"


# Calling workers


def test_no_more_runs_are_called_while_too_many_messages_wait(fake: FakeRuntime) -> None:
    # Given a queue that is almost full
    waiting = [HIGH_WATER]
    scheduler = fake.runtime.scheduler(fake.take, lambda: waiting[0])
    for number in range(5):
        fake.apply(id=f"agent-{number}", fid=2000 + number)
    fake.clock.set(at(9))
    # Then slots still open, but nobody is called
    scheduler.tick()
    assert (len(fake.sent), fake.runtime.ops.counts()["open"]) == (0, 6)
    # And as many are called as there is room for
    waiting[0] = HIGH_WATER - 2
    scheduler.tick()
    assert len(fake.sent) == 2
    waiting[0] = 0
    scheduler.tick()
    assert len(set(fake.sent)) == 6


def test_a_batch_is_bounded_and_the_rest_follows_at_once(fake: FakeRuntime) -> None:
    fake.runtime.apply([make_agent(id=f"agent-{number}", fid=2000 + number) for number in range(BATCH)])
    fake.clock.set(at(9))
    assert fake.scheduler.tick() is True, "there is more to do"
    assert fake.scheduler.tick() is False
    assert fake.runtime.ops.counts()["open"] == BATCH + 1


def test_a_tick_with_nothing_to_do_is_one_round_trip(fake: FakeRuntime) -> None:
    client: Any = fake.runtime.database.client
    fake.scheduler.tick()
    before = client.info("stats")["total_reads_processed"], client.info("commandstats")
    for _ in range(10):
        fake.scheduler.tick()
    after = client.info("stats")["total_reads_processed"], client.info("commandstats")
    assert after[0] - before[0] == 10 + 2, "the ticks, and the two questions in between"
    ran = {name: stats["calls"] - before[1].get(name, {"calls": 0})["calls"] for name, stats in after[1].items()}
    asked = {name.removeprefix("cmdstat_") for name, count in ran.items() if count}
    assert asked == {"zrange", "get", "time", "info"}


def test_published_runs_are_called_for_their_measurement_once_it_is_due(fake: FakeRuntime) -> None:
    run = fake.post(text="My own words.")
    assert tick(fake, at(9) - dt.timedelta(minutes=1)) == []
    fake.runtime.database.client.zadd("ceos:measure", {run.id: 0})
    assert tick(fake, at(8, 59)) == [(run.id, Stage.MEASURE)]
    assert tick(fake, at(8, 59)) == [], "not again while a worker may be at it"


def test_a_parked_draft_expires_when_nobody_decides(fake: FakeRuntime, caplog: pytest.LogCaptureFixture) -> None:
    fake.apply(approval="review")
    run = fake.post(kind=Kind.ORIGINAL)
    fake.runtime.database.client.zadd("ceos:review", {run.id: 0})
    with caplog.at_level(logging.WARNING, "ceos"):
        fake.step()
    expired = fake.runtime.runs.run(run.id)
    assert (expired.status, expired.reason) == ("expired", "it was not approved in time")
    assert fake.runtime.runs.parked() == []
    assert "draft.expired" in [getattr(entry, "event", "") for entry in caplog.records]
    assert fake.casts() == []


# Time


def test_an_accelerated_clock_opens_the_slots_of_a_day_in_a_moment(fake: FakeRuntime) -> None:
    # Given a clock that has run much faster than life since a moment ago
    real = Clock().now_ms() / 1000
    fake.runtime.clock = Clock(speed=100_000.0, origin=real - 1.0)
    assert fake.runtime.clock.now_ms() / 1000 > real + 20 * 3600
    fake.clock.set(dt.datetime.fromtimestamp(real, dt.UTC))
    fake.runtime.remove("ada")
    slot = int(real // 3600 + 1) * 3_600_000
    agent = make_agent(schedule={**HOURLY, "catch_up": "all", "max_late_minutes": 10_080})
    fake.runtime.agents.save_agent(agent, slot=slot, fire=slot, moves_slot=True)
    # When a scheduler with this clock ticks once
    fake.runtime.scheduler(fake.sent.extend, lambda: 0).tick()
    # Then the latest slots of the day are open, and every earlier one is on record
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    opened = [int(run.slot) for run in runs(fake)]
    assert status.next_slot is not None
    assert opened == list(range(opened[0], int(status.next_slot.timestamp()) * 1000, 3_600_000))
    assert len(opened) >= 10
    assert opened[0] == slot + status.missed * 3_600_000


def test_an_accelerated_clock_measures_sooner(fake: FakeRuntime) -> None:
    fake.clock.speed = 3600.0
    # These were built while the clock had its usual speed.
    for part in ("ledger", "publisher", "pipeline"):
        fake.runtime.__dict__.pop(part, None)
    run = fake.post(text="My own words.")
    due = fake.runtime.database.client.zscore("ceos:measure", run.id)
    assert due - fake.runtime.ledger.now_ms() <= 1000  # type: ignore[operator]


# The loop


def test_the_loop_survives_an_outage_and_an_unexpected_error(fake: FakeRuntime) -> None:
    stop = threading.Event()
    troubles: list[Exception] = [StoreUnavailable(), RuntimeError("a bug")]

    def send(calls: object) -> None:
        if troubles:
            raise troubles.pop()
        stop.set()

    scheduler = fake.runtime.scheduler(send, lambda: 0)
    for number in range(3):
        fake.apply(id=f"agent-{number}", fid=2000 + number, schedule={**HOURLY, "cron": f"{number} * * * *"})
    fake.clock.set(at(9))
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    thread.start()
    for minute in range(1, 200):
        fake.wake()
        fake.clock.set(at(9, minute % 60))
        if stop.wait(0.05):
            break
    thread.join(60)
    assert stop.is_set() and not thread.is_alive()
    assert troubles == []
