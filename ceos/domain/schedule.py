"""The schedule of an agent: slots from cron expressions, jitter, quiet hours, and the handling of overdue slots.

Cron follows Debian. A fixed time ("30 2 * * *") occurs once on every date: a time that a clock change skips moves to
the end of the gap, and a time that it repeats counts the first time only. An expression whose minute or hour starts
with a star follows real time: no slot in a gap, two in a repeated hour. cronsim parses the expressions. The minutes of
a date are computed here, because steps of an hour lose minutes where a clock changes by half an hour, as on Lord Howe.

A time inside the quiet hours is not a slot, even on a day on which the clock change moves it out of them, and neither
is a time that the clock change moves into them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, field_validator, model_validator

from ceos.domain.base import Frozen
from ceos.domain.cron_steps import too_long_step
from ceos.domain.zones import zone_name

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

#: A slot that is fired within this time is on time and always opens.
ON_TIME_MS = 120_000
#: The number of overdue slots that `plan` lists; older ones are only counted.
MAX_LISTED = 1_000
#: The number of missed slots that catch_up 'all' opens late.
MAX_CATCH_UP = 10
#: The search for the next slot ends after this many days: 29 February can be eight years away.
MAX_DAYS_AHEAD = 3_000

CRON_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
CRON_EXAMPLE = "0 9,13 * * mon-fri"

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_EPOCH = dt.date(1970, 1, 1).toordinal()
#: The start of the search in `never_fires`; any day is fine.
_NEW_YEAR_2025 = 1_735_689_600_000


class CronError(ValueError):
    """The cron expression is not valid."""


@dataclass(frozen=True, slots=True)
class Firing:
    """The handling of an agent's overdue slots, and the next slot."""

    #: The slots to open a run for, oldest first.
    open: tuple[int, ...]
    #: The missed slots, oldest first, each with its reason.
    missed: tuple[tuple[int, str], ...]
    #: None when the schedule has no further slot.
    next_slot: int | None
    #: The time at which `next_slot` is fired; 0 without one.
    next_fire: int
    #: The number of older missed slots that are not listed; a lower bound.
    skipped: int


def check_cron(expression: str) -> None:
    """Raise `CronError` unless `expression` has five valid cron fields."""
    wanted = f'five cron fields such as "{CRON_EXAMPLE}"'
    fields = expression.split()
    if expression.strip().startswith("@"):
        raise CronError(f"{wanted}; the short form {expression.strip()!r} is not known, write it out")
    if len(fields) != len(CRON_FIELDS):
        raise CronError(f"{wanted} ({', '.join(CRON_FIELDS)}); {expression!r} has {len(fields)}")
    try:
        _parse(expression)
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        value = fields[CRON_FIELDS.index(name)] if name in CRON_FIELDS else expression
        raise CronError(f"{wanted}; the {name} {value!r} in {expression!r} is not valid") from None
    except ValueError:
        raise CronError(f"{wanted}; a number in this one is too long") from None
    if problem := too_long_step(expression):
        raise CronError(f"{wanted}; {problem}")


def check_quiet_hours(span: str) -> None:
    """Raise `ValueError` unless `span` is HH:MM-HH:MM; it may pass midnight, and its end is exclusive."""
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ValueError(f"a span such as '23:00-07:00'; {span!r} is not one")
    if match[1] + match[2] == match[3] + match[4]:
        raise ValueError(f"a span whose start and end differ, such as '23:00-07:00'; {span!r} has no length")


def never_fires(schedule: Schedule) -> bool:
    """Say whether the schedule has no slot within the search limit."""
    return next_slot(schedule, _NEW_YEAR_2025) is None


def is_quiet(schedule: Schedule, moment_ms: int) -> bool:
    """Say whether the moment lies within the quiet hours, in the agent's zone."""
    if not schedule.quiet_hours:
        return False
    wall = dt.datetime.fromtimestamp(moment_ms // 1000, ZoneInfo(schedule.timezone))
    return wall.hour * 60 + wall.minute in _quiet_minutes(schedule.quiet_hours)


def next_slot(schedule: Schedule, after_ms: int) -> int | None:
    """Return the first slot after `after_ms`, in UTC milliseconds, or None when there is none for years."""
    return _next_slot(schedule.cron, schedule.timezone, schedule.quiet_hours, after_ms)


def slots_between(schedule: Schedule, start_ms: int, end_ms: int) -> list[int]:
    """Return the slots from `start_ms` on and before `end_ms`, in order."""
    days = range(start_ms // DAY_MS, -(-end_ms // DAY_MS))
    found = (_slots_of_day(schedule.cron, schedule.timezone, schedule.quiet_hours, day) for day in days)
    return [slot for slots in found for slot in slots if start_ms <= slot < end_ms]


def jitter_ms(agent_id: str, slot_ms: int, jitter_seconds: int) -> int:
    """Return the delay of a post after its slot, 0 to `jitter_seconds`; the same slot always has the same delay."""
    return _drawn(f"{agent_id}|{slot_ms}", jitter_seconds * 1000)


def _drawn(seed: str, most: int) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") % (most + 1)


def spread_ms(agent_id: str, schedule: Schedule, slot_ms: int) -> int:
    """Return the delay that spreads agents with one cron, at least a minute shorter than the time to the next slot."""
    following = next_slot(schedule, slot_ms) if schedule.spread_minutes else None
    room = following - slot_ms - MINUTE_MS if following is not None else DAY_MS
    return _drawn(f"{agent_id}|{slot_ms}|spread", max(0, min(schedule.spread_minutes * MINUTE_MS, room)))


def fire_time(agent_id: str, schedule: Schedule, slot_ms: int) -> int:
    """Return the moment a slot fires: with spread and jitter, unless these move it into the quiet hours."""
    moment = slot_ms + spread_ms(agent_id, schedule, slot_ms) + jitter_ms(agent_id, slot_ms, schedule.jitter_seconds)
    return slot_ms if is_quiet(schedule, moment) else moment


def upcoming(agent_id: str, schedule: Schedule, now_ms: int) -> tuple[int | None, int]:
    """Return the first slot after now and the moment it fires; (None, 0) when there is none for years."""
    slot = next_slot(schedule, now_ms)
    return slot, fire_time(agent_id, schedule, slot) if slot is not None else 0


def plan(agent_id: str, schedule: Schedule, slot_ms: int, now_ms: int) -> Firing:
    """Return the handling of the stored slot `slot_ms` and of the later slots that are due by `now_ms`.

    Every slot is in `open`, in `missed` or counted in `skipped` of exactly one plan, whatever the times of the ticks:
    slots are processed in order, up to the first that is not due, and the next slot is computed from the last one,
    never from the clock. A slot on time always opens; `catch_up` decides about late ones.
    """
    older, slots = _elapsed(schedule, slot_ms, now_ms)
    lateness = {slot: now_ms - fire_time(agent_id, schedule, slot) for slot in slots}
    due = list(takewhile(lambda slot: lateness[slot] >= 0, slots))
    opened = _slots_to_open(schedule, {slot: lateness[slot] for slot in due})
    missed = tuple((slot, _missed_reason(schedule, lateness[slot])) for slot in due if slot not in opened)
    following = next_slot(schedule, due[-1]) if due else slot_ms
    return Firing(
        open=tuple(slot for slot in due if slot in opened),
        missed=missed,
        next_slot=following,
        next_fire=fire_time(agent_id, schedule, following) if following is not None else 0,
        skipped=older,
    )


def _slots_to_open(schedule: Schedule, lateness: dict[int, int]) -> set[int]:
    on_time = [slot for slot, late in lateness.items() if late <= ON_TIME_MS]
    allowed = schedule.max_late_minutes * MINUTE_MS
    late = [slot for slot, by in lateness.items() if ON_TIME_MS < by <= allowed]
    caught_up: dict[Literal["once", "all", "skip"], list[int]] = {
        "once": [] if on_time else late[-1:],
        "all": late[-MAX_CATCH_UP:],
        "skip": [],
    }
    return {*on_time, *caught_up[schedule.catch_up]}


def _missed_reason(schedule: Schedule, late: int) -> str:
    if late > schedule.max_late_minutes * MINUTE_MS:
        allowed = _duration(schedule.max_late_minutes * MINUTE_MS)
        return f"late by {_duration(late)}; the agent allows {allowed}"
    if schedule.catch_up == "skip":
        return "an outage; catch_up is 'skip'"
    if schedule.catch_up == "once":
        return "superseded by a later slot; catch_up is 'once'"
    return f"one of too many; catch_up is 'all', which makes up for the {MAX_CATCH_UP} latest"


def _duration(ms: int) -> str:
    minutes = ms // MINUTE_MS
    if minutes <= 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _elapsed(schedule: Schedule, first: int, now_ms: int) -> tuple[int, list[int]]:
    """Return `first` and the slots after it up to now: the number of those that are not listed, and the list."""
    newest: list[int] = []
    older = 0
    today = now_ms // DAY_MS
    for day in range(today, max(first // DAY_MS, today - MAX_DAYS_AHEAD) - 1, -1):
        slots = _slots_of_day(schedule.cron, schedule.timezone, schedule.quiet_hours, day)
        slots = slots[bisect_right(slots, first) : bisect_right(slots, now_ms)]
        fitting = min(len(slots), MAX_LISTED - len(newest))
        newest.extend(slots[len(slots) - fitting :][::-1])
        older += len(slots) - fitting
    if len(newest) < MAX_LISTED:
        newest.append(first)
    else:
        older += 1
    return older, newest[::-1]


# The calendar. Days are counted from 1970-01-01. Everything is cached by plain values, because agents share expressions
# and the hash of a model costs more than the answer.


@lru_cache(maxsize=32_768)
def _next_slot(crons: tuple[str, ...], zone: str, quiet: tuple[str, ...], after_ms: int) -> int | None:
    live = [cron for cron in crons if _times(cron, quiet)]
    day = after_ms // DAY_MS
    last = day + MAX_DAYS_AHEAD
    while live and day <= last:
        slots = _slots_of_day(crons, zone, quiet, day)
        index = bisect_right(slots, after_ms)
        if index < len(slots):
            return slots[index]
        # A date begins up to 14 hours before its UTC day and ends up to 12 hours after it.
        day = max(day + 1, min(_next_date(cron, day, last + 2) for cron in live) - 1)
    return None


@lru_cache(maxsize=2_048)
def _slots_of_day(crons: tuple[str, ...], zone: str, quiet: tuple[str, ...], day: int) -> tuple[int, ...]:
    """Return the slots of one UTC day, in order.

    UTC days do not overlap. Local dates do, when a clock is set back across midnight.
    """
    start = day * DAY_MS
    end = start + DAY_MS
    slots = {
        slot
        for cron in crons
        for date in (day - 1, day, day + 1)
        for slot in _slots_of_date(cron, zone, quiet, date)
        if start <= slot < end
    }
    return tuple(sorted(slots))


@lru_cache(maxsize=2_048)
def _slots_of_date(cron: str, zone: str, quiet: tuple[str, ...], day: int) -> Sequence[int]:
    """Return the slots of an expression on one local date."""
    date = dt.date.fromordinal(_EPOCH + day)
    parsed = _parse(cron)
    if date.month not in parsed.months or not parsed.match_day(date):
        return ()
    times = _times(cron, quiet)
    midnight = dt.datetime.combine(date, dt.time(), ZoneInfo(zone))
    offset = midnight.utcoffset() or dt.timedelta()
    # fold=1: when the next midnight occurs twice, the second one ends the date.
    if offset == (midnight + dt.timedelta(days=1)).replace(fold=1).utcoffset():
        start = day * DAY_MS - offset // dt.timedelta(milliseconds=1)
        return tuple(start + time for time in times)
    walls = [midnight + dt.timedelta(milliseconds=time) for time in times]
    moments = _once_each(walls, _quiet_minutes(quiet)) if _is_fixed(parsed) else _as_shown(walls)
    return tuple(int(moment.timestamp()) * 1000 for moment in moments)


def _once_each(walls: Sequence[dt.datetime], quiet: frozenset[int]) -> Iterator[dt.datetime]:
    """Yield each wall time once; times that the clock skips move to the end of the gap."""
    latest: dt.datetime | None = None
    for wall in walls:
        if latest is not None and wall <= latest:
            continue
        latest = wall
        while not _exists(latest):
            latest += dt.timedelta(minutes=1)
        if latest == wall or latest.hour * 60 + latest.minute not in quiet:
            yield latest


def _as_shown(walls: Sequence[dt.datetime]) -> Iterator[dt.datetime]:
    """Yield each wall time as often as the clock shows it: once, twice or not at all."""
    for wall in walls:
        for moment in (wall, wall.replace(fold=1)):
            if _exists(moment):
                yield moment


def _exists(wall: dt.datetime) -> bool:
    """Say whether the clock ever shows this time; aware times of one zone are compared as local times."""
    return wall.astimezone(dt.UTC).astimezone(wall.tzinfo) == wall


def _next_date(cron: str, day: int, last: int) -> int:
    """Return the first date of the expression from `day` on, or `last` when there is none before it."""
    parsed = _parse(cron)
    date = dt.date.fromordinal(_EPOCH + day)
    end = dt.date.fromordinal(_EPOCH + last)
    while date < end:
        if date.month not in parsed.months:
            date = (date.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        elif not parsed.match_day(date):
            date += dt.timedelta(days=1)
        else:
            return date.toordinal() - _EPOCH
    return last


@lru_cache(maxsize=4_096)
def _times(cron: str, quiet: tuple[str, ...]) -> tuple[int, ...]:
    """Return the times of day of an expression outside the quiet hours, in milliseconds from midnight."""
    parsed = _parse(cron)
    quiet_minutes = _quiet_minutes(quiet)
    minutes = (hour * 60 + minute for hour in sorted(parsed.hours) for minute in sorted(parsed.minutes))
    return tuple(minute * MINUTE_MS for minute in minutes if minute not in quiet_minutes)


@lru_cache(maxsize=1_024)
def _quiet_minutes(quiet: tuple[str, ...]) -> frozenset[int]:
    """Return the minutes of the day that the spans cover."""
    minutes: set[int] = set()
    for span in quiet:
        start, end = (int(time[:2]) * 60 + int(time[3:]) for time in span.split("-"))
        minutes.update(range(start, end) if start < end else (*range(start, 24 * 60), *range(end)))
    return frozenset(minutes)


@lru_cache(maxsize=4_096)
def _parse(cron: str) -> CronSim:
    """Return the parsed expression, which is only read, so that threads may share it."""
    return CronSim(cron, dt.datetime(1970, 1, 1, tzinfo=dt.UTC))


def _is_fixed(parsed: CronSim) -> bool:
    """Say whether the expression has fixed times of day, as opposed to a rhythm."""
    return not parsed.parts[1].startswith("*") and not parsed.parts[2].startswith("*")


# A validator's message names what was expected; `config` adds the value that it got.
def _is_cron(value: str) -> str:
    check_cron(value)
    return value


def _is_span(value: str) -> str:
    check_quiet_hours(value)
    return value


class Schedule(Frozen):
    """The times at which the agent posts."""

    #: One cron expression of five fields, or a list of them.
    cron: tuple[Annotated[str, AfterValidator(_is_cron)], ...] = Field(min_length=1)
    #: IANA time zone; a clock change neither skips nor repeats a fixed time.
    timezone: Annotated[str, AfterValidator(zone_name)] = "UTC"
    #: Longest delay of a post after its slot, 0 to 60; the same slot always gets the same delay.
    jitter_seconds: int = Field(default=60, ge=0, le=60)
    #: Minutes after the slot, 0 to 120, over which agents that share a cron are spread, but not beyond the next slot.
    spread_minutes: int = Field(default=0, ge=0, le=120)
    #: Spans without slots, such as `"23:00-07:00"`.
    quiet_hours: tuple[Annotated[str, AfterValidator(_is_span)], ...] = ()
    #: After an outage: `once` posts for the latest missed slot, `all` for at most 10, `skip` for none.
    catch_up: Literal["once", "all", "skip"] = "once"
    #: A slot later than this is recorded as missed and not posted.
    max_late_minutes: int = Field(default=60, ge=1, le=10_080)

    @field_validator("cron", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fires(self) -> Schedule:
        if never_fires(self):
            raise ValueError("a cron expression that fires outside the quiet hours at least once in five years")
        return self
