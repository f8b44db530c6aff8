"""Weekly scores and learning: the inputs of `score` and `bandit` from stored numbers, and the finished weeks."""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from ceos.domain.agent import Agent
from ceos.domain.posts import Kind
from ceos.domain.schedule import slots_between
from ceos.logs import event
from ceos.metrics import bandit
from ceos.metrics.store import SeriesStore
from ceos.metrics.timeseries import PostRecord
from ceos.runs.ids import slot_moment
from ceos.score import DAY, Inputs, PostInputs, WeekScore, monday_of, relative, score, week_of, weighted

log = logging.getLogger(__name__)

#: A week is scored this long after its end, when all its posts are a day old and measured.
SETTLE = dt.timedelta(hours=27)
#: The number of past weeks that are scored late, after an outage.
MAX_WEEKS_BACK = 4


class Scorer:
    """Scores agents week by week, and learns from the results of their posts."""

    def __init__(self, series: SeriesStore) -> None:
        self.series = series

    # Scores

    def settle(self, agent_id: str, now: dt.datetime) -> None:
        """Score the finished weeks that are not scored yet; repeatable."""
        known = self.series.scores(agent_id)
        for back in range(MAX_WEEKS_BACK, 0, -1):
            monday = monday_of(now) - back * 7 * DAY
            week = week_of(monday)
            if week in known or now < monday + 7 * DAY + SETTLE:
                continue
            inputs = self.inputs(agent_id, monday)
            if _is_empty(inputs):
                continue
            result = WeekScore(score=score(inputs), inputs=inputs)
            if self.series.save_score(agent_id, week, result.text()):
                log.info("Week scored", extra=event("week.scored", agent=agent_id, week=week, total=result.score.total))

    def weeks(self, agent_id: str) -> list[WeekScore]:
        """Return the scored weeks, oldest first."""
        return [WeekScore.model_validate_json(text) for text in self.series.scores(agent_id).values()]

    def so_far(self, agent_id: str, now: dt.datetime) -> list[WeekScore]:
        """Return the provisional scores of the weeks that are not scored yet, the current week last."""
        known = self.series.scores(agent_id)
        mondays = [monday_of(now) - 7 * DAY, monday_of(now)]
        inputs = [self.inputs(agent_id, monday) for monday in mondays if week_of(monday) not in known]
        return [WeekScore(score=score(one), inputs=one) for one in inputs if not _is_empty(one)]

    def inputs(self, agent_id: str, monday: dt.datetime) -> Inputs:
        """Return the inputs of the score of the week that begins on `monday`."""
        end = monday + 7 * DAY
        posts = [record for record in self.series.posts(agent_id, monday) if record.at < end]
        day = int(monday.timestamp()) // 86_400
        slots = self.series.tally(agent_id, range(day, day + 7))
        start, last = self._followers(agent_id, monday, end)
        return Inputs(
            agent=agent_id,
            week=week_of(monday),
            posts=tuple(found for record in posts if (found := _post_inputs(record, last))),
            followers_start=start,
            followers_end=last,
            published=max(0, slots.get("published", 0)),
            failed=max(0, slots.get("failed", 0)),
            missed=max(0, slots.get("missed", 0)),
        )

    def _followers(self, agent_id: str, start: dt.datetime, end: dt.datetime) -> tuple[int | None, int | None]:
        """Return the first and the last known followers of a span; the first may be up to a day older than it."""
        points = [
            (at, found.followers)
            for at, found in self.series.hourly(agent_id, start - DAY)
            if found.followers is not None and at < end
        ]
        inside = [followers for at, followers in points if at >= start]
        before = [followers for at, followers in points if at < start]
        if not inside:
            return None, before[-1] if before else None
        return (before[-1] if before else inside[0]), inside[-1]

    # Learning

    def outcomes(self, agent: Agent, before: dt.datetime | None = None) -> list[bandit.Outcome]:
        """Return the outcomes of the agent's posts of the last 90 days, as known `before` a moment."""
        zone = ZoneInfo(agent.schedule.timezone)
        found = []
        for record in self.series.posts(agent.id):
            counts = record.day_old(before)
            if counts is None or record.followers is None or record.kind is None:
                continue
            slot = slot_moment(record.slot)
            reacted = weighted(counts.likes, counts.recasts, counts.replies, counts.quotes)
            effect = relative(reacted, record.followers)
            found.append(bandit.Outcome(record.kind, slot.astimezone(zone).hour if slot else None, effect))
        return found

    def weights(self, agent: Agent, slot: str, shares: Mapping[Kind, int]) -> dict[Kind, float] | None:
        """Return the mix from which a slot's kind is drawn, or None where the operator's own mix applies."""
        if agent.learning != "on" or not shares:
            return None
        # Only outcomes known at the slot's time count: a second attempt must draw from the same mix.
        outcomes = self.outcomes(agent, slot_moment(slot))
        if len(outcomes) < bandit.MIN_POSTS:
            return None
        return bandit.drawn_mix(bandit.kinds(outcomes, shares), shares, _chance(agent, slot, "mix"))

    def should_skip(self, agent: Agent, slot: str) -> str:
        """Return the reason why learning skips a slot, or an empty string."""
        moment = slot_moment(slot)
        if agent.learning != "on" or moment is None:
            return ""
        local = moment.astimezone(ZoneInfo(agent.schedule.timezone))
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        outcomes = self.outcomes(agent, midnight)
        if len(outcomes) < bandit.MIN_POSTS:
            return ""
        hours = scheduled_hours(agent, midnight, midnight + DAY)
        known = bandit.hours(outcomes, hours)
        # One draw for all slots of the date, so that its slots agree on which of them are skipped.
        skipped = bandit.skipped_hours(known, hours, _chance(agent, f"{midnight.date()}", "hours"))
        return f"learning skips {local.hour}:00 today" if local.hour in skipped else ""


def scheduled_hours(agent: Agent, start: dt.datetime, end: dt.datetime) -> list[int]:
    """Return the hour, in the agent's zone, of each slot of a span."""
    zone = ZoneInfo(agent.schedule.timezone)
    slots = slots_between(agent.schedule, int(start.timestamp() * 1000), int(end.timestamp() * 1000))
    return [dt.datetime.fromtimestamp(slot / 1000, zone).hour for slot in slots]


def _post_inputs(record: PostRecord, followers: int | None) -> PostInputs | None:
    counts = record.day_old()
    if counts is None:
        return None
    return PostInputs(
        at=int(record.at.timestamp()),
        likes=counts.likes,
        recasts=counts.recasts,
        replies=counts.replies,
        quotes=counts.quotes,
        followers=record.followers if record.followers is not None else followers,
        attempts=record.attempts,
        repeats=record.repeats,
    )


def _is_empty(inputs: Inputs) -> bool:
    return not (inputs.posts or inputs.published or inputs.failed or inputs.missed)


def _chance(agent: Agent, slot: str, purpose: str) -> random.Random:
    return random.Random(f"{agent.id}|{slot}|{purpose}")  # noqa: S311  # the same slot must draw the same numbers
