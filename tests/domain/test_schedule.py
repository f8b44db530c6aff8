"""Slots across the changes of the clock, quiet hours, jitter, and what a plan does after an outage."""

from __future__ import annotations

import datetime as dt
import random
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.domain.schedule import (
    DAY_MS,
    HOUR_MS,
    MAX_LISTED,
    MINUTE_MS,
    ON_TIME_MS,
    CronError,
    Schedule,
    check_cron,
    check_quiet_hours,
    fire_time,
    is_quiet,
    jitter_ms,
    never_fires,
    next_slot,
    plan,
    spread_ms,
)


def at(moment: str, zone: str = "UTC", fold: int = 0) -> int:
    """Return a wall time as UTC milliseconds."""
    return int(dt.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()) * 1000


def local(slot: int, zone: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(slot / 1000, ZoneInfo(zone))


def make_schedule(*cron: str, zone: str = "UTC", **fields) -> Schedule:
    return Schedule(cron=cron or ("0 9 * * *",), timezone=zone, **fields)


def slots_between(schedule: Schedule, after: int, until: int) -> list[int]:
    """Return the slots in (after, until], one step at a time."""
    slots = []
    slot = next_slot(schedule, after)
    while slot is not None and slot <= until:
        slots.append(slot)
        slot = next_slot(schedule, slot)
    return slots


# Expressions and spans


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "0 9,13 * * mon-fri",
        "*/15 0-6 1,15 jan-mar *",
        "0 0 29 2 *",
        "0 0 L * *",
        "0 9 * * 5#2",
        " 0  9 * * 7 ",
    ],
)
def test_good_expressions_pass(expression: str) -> None:
    check_cron(expression)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("60 * * * *", "the minute '60'"),
        ("0 24 * * *", "the hour '24'"),
        ("0 9 0 * *", "the day-of-month '0'"),
        ("0 9 * 13 *", "the month '13'"),
        ("0 9 * * moon", "the day-of-week 'moon'"),
        ("0 9 * * fri-mon", "the day-of-week 'fri-mon'"),
        ("0 9 30 2 *", "the day-of-month '30'"),
        ("*/0 * * * *", "the minute '*/0'"),
        ("5- * * * *", "the minute '5-'"),
        ("1,,2 * * * *", "the minute '1,,2'"),
        ("0 9 * *", "has 4"),
        ("0 0 9 * * *", "has 6"),
        ("", "has 0"),
        ("@daily", "'@daily' is not known"),
        ("9" * 5000 + " * * * *", "too long"),
        ("٣ * * * *", "the minute '٣'"),
    ],
)
def test_bad_expressions_are_refused_by_field_and_with_an_example(expression: str, says: str) -> None:
    with pytest.raises(CronError) as caught:
        check_cron(expression)
    assert says in str(caught.value)
    assert '"0 9,13 * * mon-fri"' in str(caught.value)


@given(st.text(alphabet="0123456789*/,-#LWabcdefghijklmnopqrstuvwxyz ² ", max_size=24))
def test_an_expression_is_good_or_a_cron_error(expression: str) -> None:
    try:
        check_cron(expression)
    except CronError:
        return
    never_fires(Schedule.model_construct(cron=(expression,), timezone="UTC", quiet_hours=()))


@pytest.mark.parametrize("span", ["23:00-07:00", "00:00-00:01", "12:30-13:30", "23:59-00:00"])
def test_good_spans_pass(span: str) -> None:
    check_quiet_hours(span)


@pytest.mark.parametrize(
    "span", ["", "23-7", "23:00-24:00", "7:00-9:00", "23:00 - 07:00", "12:00-12:00", "1２:00-13:00", "23:00-07:00\n"]
)
def test_bad_spans_are_refused_with_an_example(span: str) -> None:
    with pytest.raises(ValueError, match="23:00-07:00"):
        check_quiet_hours(span)


@pytest.mark.parametrize(
    ("cron", "quiet", "never"),
    [
        ("* * * * *", (), False),
        ("* * * * *", ("00:00-12:00", "12:00-00:00"), True),
        ("* * * * *", ("00:01-00:00",), False),
        ("0 9 * * *", ("08:00-10:00",), True),
        ("30 2 * * *", ("02:00-03:00",), True),
        ("0 0 29 2 *", (), False),
        ("0 0 * 2 mon#5", (), True),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_schedule_that_never_fires_is_found_out(cron: str, quiet: tuple[str, ...], never: bool, zone: str) -> None:
    schedule = Schedule.model_construct(cron=(cron,), timezone=zone, quiet_hours=quiet)
    assert never_fires(schedule) is never


# The changes of the clock


@pytest.mark.parametrize(
    ("cron", "zone", "date", "times", "shows"),
    [
        ("30 2 * * *", "America/New_York", "2024-03-10", "03:00-0400", "moved to the end of the gap"),
        ("0,30 2 * * *", "America/New_York", "2024-03-10", "03:00-0400", "two in the gap meet"),
        ("0 2,3 * * *", "America/New_York", "2024-03-10", "03:00-0400", "one moved onto another"),
        ("30 1 * * *", "America/New_York", "2024-11-03", "01:30-0400", "once in the fold, the first time"),
        ("30 * * * *", "America/New_York", "2024-03-10 01", "01:30-0500 03:30-0400 04:30-0400", "hourly by real time"),
        ("30 * * * *", "America/New_York", "2024-11-03 01", "01:30-0400 01:30-0500 02:30-0500", "hourly twice"),
        ("*/30 2 * * *", "America/New_York", "2024-03-10", "", "a rhythm within the gap is left out"),
        ("*/30 1 * * *", "America/New_York", "2024-11-03", "01:00-0400 01:30-0400 01:00-0500 01:30-0500", "twice"),
        ("30 2 * * *", "Europe/Berlin", "2024-03-31", "03:00+0200", "Berlin's gap"),
        ("30 2 * * *", "Europe/Berlin", "2024-10-27", "02:30+0200", "Berlin's fold"),
        ("15 2 * * *", "Australia/Lord_Howe", "2024-10-06", "02:30+1100", "a gap of half an hour"),
        ("45 1 * * *", "Australia/Lord_Howe", "2024-04-07", "01:45+1100", "a fold of half an hour"),
        ("*/15 3 * * *", "Australia/Lord_Howe", "2024-10-06", "03:00+1100 03:15+1100 03:30+1100 03:45+1100", "no loss"),
        ("0 0 * * *", "Asia/Beirut", "2024-03-31", "01:00+0300", "midnight does not exist"),
        ("30 23 * * *", "Asia/Beirut", "2024-10-26", "23:30+0300", "23:30 comes twice"),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-04", "01:00-0200", "midnight does not exist"),
        ("0 0 * * sun", "America/Sao_Paulo", "2018-11-04", "01:00-0200", "on Sundays only"),
        ("15 23 * * *", "America/Sao_Paulo", "2018-02-17", "23:15-0200", "23:15 comes twice"),
        ("0 0 * * *", "America/Sao_Paulo", "2018-02-18", "00:00-0300", "the midnight after"),
    ],
)
def test_slots_of_a_date(cron: str, zone: str, date: str, times: str, shows: str) -> None:
    date, _, since = date.partition(" ")
    start = at(f"{date}T{since or '00'}:00", zone) - 1
    slots = slots_between(make_schedule(cron, zone=zone), start, start + 26 * HOUR_MS)
    on_date = [local(slot, zone).strftime("%H:%M%z") for slot in slots if str(local(slot, zone).date()) == date]
    wanted = times.split()
    assert on_date[: len(wanted)] == wanted, shows
    assert since or len(on_date) == len(wanted), shows


ZONES = {
    "America/New_York": ("2024-03-10", "2024-11-03"),
    "Europe/Berlin": ("2024-03-31", "2024-10-27"),
    "Australia/Lord_Howe": ("2024-04-07", "2024-10-06"),
    "Asia/Beirut": ("2024-03-31", "2024-10-27"),
    "America/Sao_Paulo": ("2018-11-04", "2018-02-18"),
    "America/St_Johns": ("2010-03-14", "2010-11-07"),
    "Asia/Kolkata": ("2024-03-31", "2024-10-27"),
    "UTC": ("2024-03-31", "2024-10-27"),
}
HALF_HOUR = "Australia/Lord_Howe"

changes = st.sampled_from([(zone, date) for zone, dates in ZONES.items() for date in dates])
minutes = st.integers(0, 59)
hours = st.integers(0, 23)
daily = st.builds("{} {} * * *".format, minutes, hours)
crons = st.one_of(
    daily,
    st.builds("{} * * * *".format, minutes),
    st.builds("*/{} {} * * *".format, st.sampled_from([1, 7, 15, 30]), hours),
    st.builds("{},{} {}-23/{} * * sun".format, minutes, minutes, hours, st.integers(1, 6)),
    st.just("* * * * *"),
)
spans = st.builds("{:02}:{:02}-{:02}:{:02}".format, hours, minutes, hours, minutes).filter(lambda s: s[:5] != s[6:])


@given(daily, changes)
def test_a_daily_slot_comes_once_on_every_date(cron: str, change: tuple[str, str]) -> None:
    zone, day = change
    start = at(f"{day}T12:00", zone) - 4 * DAY_MS
    slots = slots_between(make_schedule(cron, zone=zone), start, start + 8 * DAY_MS)
    dates = [local(slot, zone).date() for slot in slots]
    assert all(later - earlier == dt.timedelta(days=1) for earlier, later in pairwise(dates))
    assert dates[0] <= dt.date.fromisoformat(day) - dt.timedelta(days=3)
    assert len(dates) >= 7


@settings(deadline=None, max_examples=60)
@given(st.lists(crons, min_size=1, max_size=3), changes, st.lists(spans, max_size=2), st.randoms())
def test_slots_are_one_ordered_sequence_wherever_it_is_cut(crons, change, quiet, chance) -> None:
    zone, day = change
    schedule = Schedule.model_construct(cron=tuple(crons), timezone=zone, quiet_hours=tuple(quiet))
    start = at(f"{day}T00:00", zone) - 18 * HOUR_MS
    end = start + 48 * HOUR_MS
    whole = slots_between(schedule, start, end)
    cuts = sorted({start, end, *(chance.randrange(start, end) for _ in range(10))})

    assert all(earlier < later for earlier, later in pairwise([start, *whole]))
    assert [slot for cut in pairwise(cuts) for slot in slots_between(schedule, *cut)] == whole
    assert not any(is_quiet(schedule, slot) for slot in whole)


def _of_cronsim(cron: str, zone: str, start: int, end: int) -> list[int]:
    slots = []
    for moment in CronSim(cron, local(start, zone)):
        slot = int(moment.timestamp()) * 1000
        if slot > end:
            return slots
        if slot > start:
            slots.append(slot)
    return slots


@settings(deadline=None, max_examples=60)
@given(crons, changes.filter(lambda change: change[0] not in (HALF_HOUR, "America/St_Johns")))
def test_slots_are_those_of_cronsim(cron: str, change: tuple[str, str]) -> None:
    zone, day = change
    start = at(f"{day}T12:00", zone) - 2 * DAY_MS
    end = start + 3 * DAY_MS
    assert slots_between(make_schedule(cron, zone=zone), start, end) == _of_cronsim(cron, zone, start, end)


@given(st.sampled_from(sorted(ZONES)), st.integers(0, 40 * 365 * DAY_MS))
def test_minutely_slots_come_every_minute_of_real_time(zone: str, after: int) -> None:
    slot = next_slot(make_schedule("* * * * *", zone=zone), after)
    assert slot == (after // MINUTE_MS + 1) * MINUTE_MS


def test_a_leap_day_is_found_across_a_century() -> None:
    assert next_slot(make_schedule("0 0 29 2 *"), at("2096-03-01")) == at("2104-02-29")


def test_several_expressions_make_one_sequence() -> None:
    schedule = make_schedule("0 9 * * *", "30 8,9 * * *", "0 9,10 * * mon")
    slots = slots_between(schedule, at("2026-01-05"), at("2026-01-06"))
    assert [local(slot, "UTC").strftime("%H:%M") for slot in slots] == ["08:30", "09:00", "09:30", "10:00"]


# Quiet hours and jitter


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [("22:59", False), ("23:00", True), ("00:00", True), ("06:59", True), ("07:00", False), ("12:00", False)],
)
def test_quiet_hours_include_their_start_and_not_their_end(moment: str, quiet: bool) -> None:
    schedule = make_schedule("* * * * *", zone="Europe/Berlin", quiet_hours=("23:00-07:00",))
    slot = at(f"2026-01-05T{moment}", "Europe/Berlin")
    assert is_quiet(schedule, slot) is quiet
    assert (next_slot(schedule, slot - 1) == slot) is not quiet


def test_a_slot_moved_out_of_a_gap_into_the_quiet_hours_is_left_out() -> None:
    schedule = make_schedule("30 2 * * *", zone="Europe/Berlin", quiet_hours=("03:00-05:00",))
    assert next_slot(schedule, at("2024-03-30T12:00")) == at("2024-04-01T02:30", "Europe/Berlin")


@given(st.text(max_size=20), st.integers(0, 2**42), st.integers(0, 60))
def test_jitter_is_within_its_range_and_stable(agent: str, slot: int, seconds: int) -> None:
    jitter = jitter_ms(agent, slot, seconds)
    assert 0 <= jitter <= seconds * 1000
    assert jitter == jitter_ms(agent, slot, seconds)


def test_jitter_reaches_both_ends_and_spreads_agents() -> None:
    assert {jitter_ms(f"agent-{n}", 0, 1) // 250 for n in range(200)} >= {0, 1, 2, 3}
    assert jitter_ms("ada", 0, 60) == 37_800


def test_agents_with_one_cron_are_spread_over_the_minutes_after_the_slot() -> None:
    schedule = make_schedule("0 9 * * *", spread_minutes=60, jitter_seconds=0)
    slot = at("2026-03-02 09:00")
    fires = [fire_time(f"agent-{number}", schedule, slot) for number in range(120)]
    assert fires == [fire_time(f"agent-{number}", schedule, slot) for number in range(120)]
    assert all(slot <= fire <= slot + 60 * MINUTE_MS for fire in fires)
    # No ten minutes have more than a third of them, where all had the same second.
    assert max(sum((fire - slot) // (10 * MINUTE_MS) == span for fire in fires) for span in range(7)) < 40
    assert spread_ms("ada", schedule, slot) != spread_ms("ada", schedule, slot + DAY_MS)
    assert spread_ms("ada", make_schedule("0 9 * * *"), slot) == 0


@pytest.mark.parametrize("cron", ["* * * * *", "*/5 * * * *", "0 * * * *", "0 9,10 * * *"])
def test_a_spread_slot_fires_before_the_next_one_and_is_not_missed(cron: str) -> None:
    schedule = make_schedule(cron, spread_minutes=120, jitter_seconds=60, catch_up="skip", max_late_minutes=1)
    slot: int | None = next_slot(schedule, at("2026-03-02 00:00"))
    for _ in range(50):
        assert slot is not None
        fire, following = fire_time("ada", schedule, slot), next_slot(schedule, slot)
        assert following is not None and slot <= fire <= following
        assert not plan("ada", schedule, slot, fire - 1).open
        firing = plan("ada", schedule, slot, fire)
        assert (firing.open[:1], firing.missed) == ((slot,), ())
        slot = firing.next_slot


def test_a_spread_does_not_carry_a_slot_into_the_quiet_hours() -> None:
    schedule = make_schedule("59 22 * * *", spread_minutes=60, quiet_hours=("23:00-07:00",), jitter_seconds=0)
    slot = at("2026-03-02 22:59")
    assert {fire_time(f"agent-{number}", schedule, slot) for number in range(20)} <= set(range(slot, slot + MINUTE_MS))


def test_jitter_does_not_carry_a_slot_into_the_quiet_hours() -> None:
    schedule = make_schedule("59 22 * * *", quiet_hours=("23:00-07:00",))
    slots = slots_between(schedule, 0, 200 * DAY_MS)
    fired = [fire_time("ada", schedule, slot) for slot in slots]
    assert not any(is_quiet(schedule, moment) for moment in fired)
    assert any(moment > slot for moment, slot in zip(fired, slots, strict=True))


# Plans

NINE = at("2026-01-05T09:00")


def plan_after(minutes: float, *cron: str, catch_up: str = "once", late: int = 60, slot: int = NINE, **fields):
    schedule = make_schedule(
        *(cron or ("0 * * * *",)), catch_up=catch_up, max_late_minutes=late, jitter_seconds=0, **fields
    )
    return plan("ada", schedule, slot, slot + int(minutes * MINUTE_MS))


def test_a_slot_on_time_opens() -> None:
    firing = plan_after(1)
    assert (firing.open, firing.missed, firing.skipped) == ((NINE,), (), 0)
    assert firing.next_slot == firing.next_fire == NINE + HOUR_MS


def test_a_slot_before_its_time_is_left_alone() -> None:
    firing = plan_after(-1)
    assert (firing.open, firing.missed, firing.next_slot) == ((), (), NINE)


def test_jitter_delays_the_firing_and_not_the_next_slot() -> None:
    schedule = make_schedule("0 * * * *", jitter_seconds=60)
    due = fire_time("ada", schedule, NINE)
    assert plan("ada", schedule, NINE, due - 1).open == ()
    firing = plan("ada", schedule, NINE, due)
    assert firing.open == (NINE,)
    assert firing.next_slot == NINE + HOUR_MS
    assert firing.next_fire == fire_time("ada", schedule, NINE + HOUR_MS)


@pytest.mark.parametrize(
    ("catch_up", "late", "minutes", "opened", "reasons", "shows"),
    [
        ("once", 60, 2, [0], [], "exactly two minutes are on time"),
        ("once", 60, 30, [0], [], "late but allowed"),
        ("once", 60, 60 + 50, [1], ["late by 1 h 50 min; the agent allows 60 min"], "the latest only"),
        ("once", 180, 60 + 50, [1], ["superseded by a later slot; catch_up is 'once'"], "both allowed, one opens"),
        ("once", 180, 60, [1], ["superseded by a later slot; catch_up is 'once'"], "what is on time supersedes"),
        (
            "once",
            5,
            60 + 50,
            [],
            ["late by 1 h 50 min; the agent allows 5 min", "late by 50 min; the agent allows 5 min"],
            "none",
        ),
        ("all", 180, 60 + 50, [0, 1], [], "both"),
        ("all", 180, 200, [1, 2, 3], ["late by 3 h 20 min; the agent allows 3 h"], "all that are allowed"),
        ("skip", 180, 30, [], ["an outage; catch_up is 'skip'"], "none"),
        ("skip", 180, 61, [1], ["an outage; catch_up is 'skip'"], "the one on time"),
    ],
)
def test_what_becomes_of_late_slots(catch_up, late, minutes, opened, reasons, shows) -> None:  # noqa: PLR0917
    firing = plan_after(minutes, catch_up=catch_up, late=late)
    assert [(slot - NINE) // HOUR_MS for slot in firing.open] == opened, shows
    assert [reason for _, reason in firing.missed] == reasons, shows
    assert firing.next_slot == NINE + (minutes // 60 + 1) * HOUR_MS


def test_all_makes_up_for_the_ten_latest() -> None:
    firing = plan_after(30.5, "* * * * *", catch_up="all")
    minutes = [(slot - NINE) // MINUTE_MS for slot in firing.open]
    assert minutes == list(range(19, 31)), "ten late ones, and two on time"
    assert len(firing.missed) == 19
    assert "10 latest" in firing.missed[0][1]


def test_every_slot_on_time_opens_even_with_once() -> None:
    firing = plan_after(1.9, "* * * * *")
    assert firing.open == (NINE, NINE + MINUTE_MS)


def test_a_very_long_outage_is_summarised() -> None:
    firing = plan_after(100 * 24 * 60, "* * * * *")
    assert len(firing.open) + len(firing.missed) == MAX_LISTED
    assert firing.skipped == 100 * 24 * 60 + 1 - MAX_LISTED
    assert firing.missed[0][0] > NINE


def test_the_latest_slots_are_listed_when_they_come_in_bursts() -> None:
    firing = plan_after(30 * 24 * 60, "* 9 * * *", late=10_080)
    assert len(firing.missed) + len(firing.open) + firing.skipped == 30 * 60 + 1
    assert firing.open == (NINE + 30 * DAY_MS,)


def test_a_schedule_at_its_end_has_no_next_slot() -> None:
    schedule = Schedule.model_construct(
        cron=("0 0 * 2 mon#5",), timezone="UTC", quiet_hours=(), jitter_seconds=0, catch_up="once", max_late_minutes=60
    )
    firing = plan("ada", schedule, NINE, NINE)
    assert (firing.open, firing.next_slot, firing.next_fire) == ((NINE,), None, 0)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(crons, min_size=1, max_size=2),
    changes,
    st.lists(spans, max_size=1),
    st.sampled_from(["once", "all", "skip"]),
    st.sampled_from([1, 60, 600]),
    st.integers(0, 60),
    st.integers(0, 2**32),
)
def test_every_slot_is_opened_missed_or_counted_once(  # noqa: PLR0917
    crons, change, quiet, catch_up, late, jitter, seed
) -> None:
    # Given a schedule around a change of the clock
    zone, day = change
    schedule = Schedule.model_construct(
        cron=tuple(crons),
        timezone=zone,
        quiet_hours=tuple(quiet),
        catch_up=catch_up,
        max_late_minutes=late,
        jitter_seconds=jitter,
    )
    start = at(f"{day}T12:00", zone) - DAY_MS
    first = next_slot(schedule, start)
    if first is None:
        return

    # When a scheduler ticks at odd times and is out for hours now and then
    chance = random.Random(seed)
    slot, now, opened, missed, skipped = first, start, [], [], 0
    while now < start + 2 * DAY_MS and slot is not None:
        now += chance.choice(
            [500, 20_000, 90_000, 5 * HOUR_MS, 22 * HOUR_MS, max(500, fire_time("ada", schedule, slot) - now)]
        )
        firing = plan("ada", schedule, slot, now)
        assert all(fire_time("ada", schedule, each) <= now for each in firing.open)
        assert firing.next_slot is None or firing.next_slot > max([start, *firing.open])
        opened += firing.open
        missed += [each for each, _ in firing.missed]
        skipped += firing.skipped
        slot = firing.next_slot

    # Then every slot is accounted for, once, and nothing that is due is left
    everything = slots_between(schedule, start, slot - 1) if slot is not None else []
    seen = sorted(opened + missed)
    assert len(seen) == len(set(seen))
    assert set(seen) <= set(everything)
    assert len(seen) + skipped == len(everything)
    assert slot is None or fire_time("ada", schedule, slot) > now
    assert opened == sorted(opened)


@settings(deadline=None, max_examples=40)
@given(crons, st.integers(0, 60), st.integers(1, ON_TIME_MS - 61_000))
def test_without_an_outage_nothing_is_missed(cron: str, jitter: int, pace: int) -> None:
    schedule = make_schedule(cron, jitter_seconds=jitter, catch_up="skip", max_late_minutes=1)
    slot = next_slot(schedule, NINE)
    for _ in range(30):
        firing = plan("ada", schedule, slot, fire_time("ada", schedule, slot) + pace)
        assert firing.missed == ()
        assert firing.open[:1] == (slot,)
        slot = firing.next_slot
