"""Collecting numbers: casts at their ages, accounts by the hour, scores by the week; a failed call is a gap."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from helpers.metric_samples import HOUR, MONDAY, add_followers, add_post

from ceos.clients.http.rate_limit import is_in_background
from ceos.clients.neynar.types import CastCounts, Response, Responses, Storage, User
from ceos.domain.lifecycle import Stage
from ceos.domain.posts import CastMetrics, Kind
from ceos.errors import KeyRefused, RateLimited, ServiceUnavailable
from ceos.metrics.bandit import MIN_POSTS
from ceos.metrics.collector import (
    MAX_FAILURES,
    MAX_STORAGE_READS_PER_HOUR,
    MetricsCollector,
    _is_counted,
    _known_count,
    summed,
)
from ceos.metrics.timeseries import pack_measurements, unpack_measurements
from ceos.score import Inputs, WeekScore, monday_of, score, week_of
from ceos.testing import FakeRuntime, make_agent

DAY = 24 * HOUR


def by(*kinds: str) -> Responses:
    """Responses of strangers."""
    return Responses(items=tuple(Response(kind=kind, fid=700 + number) for number, kind in enumerate(kinds)))


class Counts:
    """A Neynar that tells the numbers it is given; an error among them is raised."""

    def __init__(self, **answers: Any) -> None:
        self.likes, self.quoted = 5, 2
        self.followers: dict[int, int] = {}
        self.errors: dict[str, Exception] = {}
        self.asked: list[tuple[str, Any]] = []
        self.crowded = 0
        self.waits: list[float] = []
        vars(self).update(answers)

    def _ask(self, what: str, about: Any) -> None:
        self.asked.append((what, about))
        assert is_in_background(), "posts go first"
        if self.crowded:
            self.crowded -= 1
            raise RateLimited("full", retry_after=90.0)
        if what in self.errors:
            raise self.errors[what]

    def casts(self, hashes: list[str]) -> dict[str, CastCounts]:
        self._ask("casts", hashes)
        told = {"reactions": {"likes_count": self.likes, "recasts_count": 1}, "replies": {"count": 3}}
        return {hash: CastCounts.model_validate({"hash": hash, **told}) for hash in hashes}

    def quotes(self, hash: str) -> Responses:
        self._ask("quotes", hash)
        return by(*["quote"] * self.quoted)

    def replies(self, hash: str) -> Responses:
        self._ask("replies", hash)
        return by("reply", "reply", "reply")

    def reactions(self, hash: str) -> Responses:
        self._ask("reactions", hash)
        return by(*["like"] * self.likes, "recast")

    def users(self, fids: Iterable[int]) -> dict[int, User]:
        fids = list(fids)
        self._ask("users", fids)
        return {
            fid: User.model_validate({"fid": fid, "follower_count": self.followers[fid], "following_count": 9})
            for fid in fids
            if fid in self.followers
        }

    def storage(self, fid: int) -> Storage:
        self._ask("storage", fid)
        return Storage.model_validate({"casts": {"used": 31, "capacity": 5000}})


@pytest.fixture(name="fake")
def fake_fixture(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.apply()
    return fake_runtime


@pytest.fixture(name="measuring")
def measuring_fixture(fake: FakeRuntime) -> Callable[[Counts], MetricsCollector]:
    def make(counts: Counts) -> MetricsCollector:
        one = fake.runtime
        neynar: Any = counts
        return MetricsCollector(
            one.agents,
            one.runs,
            neynar,
            one.clock,
            metrics=one.metrics,
            scoring=one.scoring,
            history=one.post_history,
            sleep=counts.waits.append,
        )

    return make


Make = Callable[[Counts], MetricsCollector]


# Casts


def test_quotes_are_counted_and_kept_for_skills_and_for_the_post(fake: FakeRuntime, measuring: Make) -> None:
    run = fake.post(kind=Kind.THREAD)
    fake.clock.advance(hours=1)
    measuring(Counts()).measure(run.id)
    measured = fake.runtime.metrics.cast_hashes(run.id)
    assert {rows[0].quotes for rows in measured.values()} == {2}
    (record,) = fake.runtime.series.posts("ada")
    parts = len(run.hashes)
    assert (record.kind, record.parts, record.attempts, record.repeats) == (Kind.THREAD, parts, 1, False)
    (counted,) = record.counts
    assert (counted.likes, counted.replies, counted.quotes) == (5 * parts, 3 * parts, 2 * parts)
    assert fake.runtime.metrics.measured_casts("ada")[0][1].quotes == 2


def test_quotes_that_cannot_be_read_are_a_gap_and_the_rest_is_kept(fake: FakeRuntime, measuring: Make) -> None:
    run = fake.post(kind=Kind.ORIGINAL)
    measuring(Counts(errors={"quotes": ServiceUnavailable("busy")})).measure(run.id)
    ((row,),) = fake.runtime.metrics.cast_hashes(run.id).values()
    assert (row.likes, row.quotes) == (5, None)
    assert fake.runtime.series.posts("ada")[0].counts[0].quotes is None


def test_a_count_that_is_missing_from_an_answer_is_a_gap(fake: FakeRuntime, measuring: Make) -> None:
    run = fake.post(kind=Kind.ORIGINAL)
    counts = Counts()
    counts.casts = lambda hashes: {hash: CastCounts.model_validate({"hash": hash}) for hash in hashes}  # type: ignore[method-assign]
    measuring(counts).measure(run.id)
    assert list(fake.runtime.metrics.cast_hashes(run.id).values()) == [[]]


def test_a_count_below_zero_is_a_gap() -> None:
    odd = CastCounts.model_validate(
        {"hash": "0x" + "a" * 40, "reactions": {"likes_count": -1, "recasts_count": 0}, "replies": {"count": 0}}
    )
    user = User(fid=1001, followers=-5, following=3)
    assert not _is_counted(odd)
    assert (_known_count(user, "followers"), _known_count(user, "following")) == (None, 3)


def test_the_same_message_twice_measures_once(fake: FakeRuntime, measuring: Make) -> None:
    run = fake.post(kind=Kind.ORIGINAL)
    client: Any = fake.runtime.database.client
    one = measuring(Counts())
    one.measure(run.id)
    due = client.zscore("ceos:measure", run.id)
    fake.clock.advance(minutes=5)
    one.measure(run.id)
    assert [len(rows) for rows in fake.runtime.metrics.cast_hashes(run.id).values()] == [1]
    assert client.zscore("ceos:measure", run.id) == due
    fake.clock.advance(hours=5)
    one.measure(run.id)
    assert [len(rows) for rows in fake.runtime.metrics.cast_hashes(run.id).values()] == [2]


def test_the_followers_of_the_time_go_with_the_post_and_may_come_later(fake: FakeRuntime, measuring: Make) -> None:
    run = fake.post(kind=Kind.ORIGINAL)
    one = measuring(Counts())
    fake.clock.advance(hours=1)
    one.measure(run.id)
    assert fake.runtime.series.posts("ada")[0].followers is None
    add_followers(fake.runtime, monday_of(fake.clock.now()) + 9 * HOUR, [321])
    fake.clock.advance(hours=5)
    one.measure(run.id)
    assert fake.runtime.series.posts("ada")[0].followers == 321


def test_a_reply_is_not_a_post_of_the_mix(fake: FakeRuntime, measuring: Make) -> None:
    cast = "0x" + "2" * 40
    fake.runtime.database.client.hset("ceos:metrics:ada:r:0x1", cast, "")
    measuring(Counts()).measure("ada:r:0x1")
    assert len(fake.runtime.metrics.cast_hashes("ada:r:0x1")[cast]) == 1
    assert fake.runtime.series.posts("ada") == []


def test_a_repeated_thought_is_noticed(fake: FakeRuntime, measuring: Make) -> None:
    text = "Bridges hold because every part leans on another one, and says so out loud when it does not."
    fake.post(text=text)
    fake.clock.advance(hours=1)
    again = fake.post(text=f"{text} Truly.")
    measuring(Counts()).measure(again.id)
    assert [record.repeats for record in fake.runtime.series.posts("ada")] == [True]


def test_a_cast_that_could_not_be_read_counts_with_what_it_had_before() -> None:
    def row(at: int, likes: int, quotes: int | None) -> CastMetrics:
        return CastMetrics(hash="", likes=likes, recasts=0, replies=0, quotes=quotes, at=MONDAY + at * HOUR)

    found = summed([[row(1, 3, None), row(6, 5, 1), row(24, 9, 1)], [row(1, 2, None), row(24, 4, None)], []])
    assert [(one.likes, one.quotes) for one in found] == [(5, None), (7, 1), (13, 1)]


def test_measurements_are_kept_to_the_minute_in_a_few_bytes_and_the_old_form_is_read() -> None:
    rows = [
        CastMetrics(hash="0x1", likes=age, recasts=2, replies=1, quotes=None if age == 6 else 1, at=MONDAY + age * HOUR)
        for age in (1, 6, 24, 168)
    ]
    text = pack_measurements(rows)
    assert unpack_measurements("0x1", text) == rows
    assert len(text) < 40
    old = json.dumps([{"hash": "0x1", "likes": 1, "recasts": 2, "replies": 3, "at": "2026-03-02T01:00:00Z"}])
    assert unpack_measurements("0x1", old)[0].replies == 3


# Accounts


def test_accounts_are_counted_by_the_hundred_and_storage_one_by_one(fake: FakeRuntime, measuring: Make) -> None:
    agents = [make_agent(id=f"agent-{number}", fid=2000 + number) for number in range(150)]
    fake.runtime.apply(agents)
    counts = Counts(followers={1001: 70, **{agent.fid: agent.fid for agent in agents}})
    measuring(counts).count()
    assert [len(about) for what, about in counts.asked if what == "users"] == [100, 51]
    ((at, found),) = fake.runtime.series.hourly("agent-7")
    assert (at, found.followers, found.following, found.storage) == (fake.clock.now().replace(minute=0), 2007, 9, 31)
    # The same hour again asks for nothing
    counts.asked.clear()
    measuring(counts).count()
    assert [what for what, about in counts.asked if about] == []


def test_an_account_missing_in_the_answer_has_a_gap(fake: FakeRuntime, measuring: Make) -> None:
    counts = Counts(errors={"storage": ServiceUnavailable("busy")})
    measuring(counts).count()
    assert fake.runtime.series.hourly("ada") == []
    counts.users = lambda fids: {1001: User.model_validate({"fid": 1001, "following_count": 4})}  # type: ignore[method-assign]
    measuring(counts).count()
    ((_, found),) = fake.runtime.series.hourly("ada")
    assert (found.followers, found.following, found.storage) == (None, 4, None)


@pytest.mark.parametrize("error", [ServiceUnavailable("busy"), KeyRefused("no")])
def test_an_hour_that_could_not_be_counted_is_tried_again(fake: FakeRuntime, measuring: Make, error: Exception) -> None:
    counts = Counts(followers={1001: 70}, errors={"users": error})
    hour = int(fake.clock.now().timestamp()) // 3600
    series = fake.runtime.series
    assert series.claim_count(hour)
    measuring(counts).count()
    assert series.hourly("ada") == []
    assert not series.claim_count(hour), "somebody has it for ten minutes"
    fake.runtime.database.client.hset("ceos:count", "until", 0)
    assert series.claim_count(hour)
    counts.errors.clear()
    measuring(counts).count()
    assert not series.claim_count(hour)
    assert series.claim_count(hour + 1)
    assert series.hourly("ada")[0][1].followers == 70


def test_a_service_that_is_down_is_not_asked_for_the_storage_of_everybody(fake: FakeRuntime, measuring: Make) -> None:
    fake.runtime.apply([make_agent(id=f"agent-{number}", fid=2000 + number) for number in range(20)])
    counts = Counts(followers=dict.fromkeys(range(3000), 5), errors={"storage": ServiceUnavailable("busy")})
    measuring(counts).count()
    assert len([what for what, _ in counts.asked if what == "storage"]) == MAX_FAILURES
    assert fake.runtime.series.hourly("agent-19")[0][1].followers == 5


def test_a_call_waits_until_there_is_room_under_the_limit(fake: FakeRuntime, measuring: Make) -> None:
    counts = Counts(followers={1001: 70}, crowded=3)
    measuring(counts).count()
    assert counts.waits == [30.0] * 3
    assert fake.runtime.series.hourly("ada")[0][1].followers == 70
    run = fake.post(kind=Kind.ORIGINAL)
    counts.crowded = 99
    with pytest.raises(RateLimited):
        measuring(counts).measure(run.id)


def test_a_large_fleet_takes_turns_with_its_storage(
    fake: FakeRuntime, measuring: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ceos.metrics.collector.MAX_STORAGE_READS_PER_HOUR", 2)
    fake.runtime.apply([make_agent(id=f"agent-{number}", fid=2000 + number) for number in range(5)])
    counts = Counts(followers=dict.fromkeys(range(3000), 5))
    for _ in range(3):
        measuring(counts).count()
        fake.clock.advance(hours=1)
    asked = [about for what, about in counts.asked if what == "storage"]
    assert sorted(asked) == [1001, *range(2000, 2005)], "each once in three hours"
    assert MAX_STORAGE_READS_PER_HOUR > 1000, "a fleet of a thousand is read every hour"


def test_the_scheduler_has_every_hour_counted_once_and_by_one_only(fake: FakeRuntime) -> None:
    others = [fake.runtime.scheduler(fake.take, lambda: 0) for _ in range(3)]
    for _ in range(2):
        for scheduler in (fake.scheduler, *others):
            scheduler.tick()
    assert fake.errands == [("-", Stage.COUNT)]
    fake.runtime.measuring.count()
    fake.clock.advance(hours=1)
    for scheduler in (fake.scheduler, *others):
        scheduler.tick()
    assert fake.errands == [("-", Stage.COUNT)] * 2


def test_the_numbers_are_those_of_the_network(fake: FakeRuntime) -> None:
    fake.runtime.measuring.count()
    ((_, found),) = fake.runtime.series.hourly("ada")
    shown = fake.runtime.neynar.users([1001])[1001]
    assert (found.followers, found.following) == (shown.followers, shown.following)
    assert found.storage is not None


@pytest.mark.parametrize("fault", ["read_error_500", "read_cut", "read_garbage_200", "read_rate_limited"])
def test_a_count_that_fails_leaves_nothing_behind(fake: FakeRuntime, fault: str) -> None:
    fake.simulator.faults(neynar={fault: 1})
    fake.runtime.measuring.count()
    assert fake.runtime.series.hourly("ada") == []


# Scores


def tallied(fake: FakeRuntime, day: dt.datetime = MONDAY) -> dict[str, int]:
    return fake.runtime.series.tally("ada", [int(day.timestamp()) // 86_400])


def test_slots_are_counted_by_what_became_of_them_and_other_posts_are_not(fake: FakeRuntime) -> None:
    fake.clock.set(MONDAY + 9 * HOUR + dt.timedelta(seconds=1))
    fake.drive()
    fake.post(text="By hand, so no slot.")
    fake.clock.set(MONDAY + 13 * HOUR + dt.timedelta(seconds=1))
    fake.drive()
    assert tallied(fake) == {"published": 2, "missed": 3}, "of 10, 11 and 12 o'clock nobody knew"


def test_a_slot_that_is_published_at_the_second_try_has_not_failed(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"script": ["error_500_before"] * 3})
    fake.clock.set(MONDAY + 9 * HOUR + dt.timedelta(seconds=1))
    fake.drive()
    assert tallied(fake) == {"failed": 1}
    (dead,) = fake.runtime.runs.dead()
    fake.runtime.ledger.decide(dead, "retry")
    fake.drive()
    assert {what: count for what, count in tallied(fake).items() if count} == {"published": 1}


def make_week(fake: FakeRuntime) -> None:
    add_followers(fake.runtime, MONDAY - 2 * HOUR, [200] * 100 + [210] * 60 + [None] * 5 + [220] * 3)
    for day in range(7):
        add_post(fake.runtime, MONDAY + day * DAY + 9 * HOUR, likes=day, attempts=1 + (day == 3))
    client: Any = fake.runtime.database.client
    first = int(MONDAY.timestamp()) // 86_400
    client.hset("ceos:tally:ada", mapping={f"{first}:published": 6, f"{first + 3}:missed": 1, f"{first + 7}:failed": 9})


def test_a_week_is_scored_once_it_has_settled_and_never_again(fake: FakeRuntime) -> None:
    make_week(fake)
    scoring = fake.runtime.scoring
    scoring.settle("ada", MONDAY + 8 * DAY)
    assert scoring.weeks("ada") == [], "the last posts are not a day old"
    scoring.settle("ada", MONDAY + 8 * DAY + 3 * HOUR)
    ((week, text),) = fake.runtime.series.scores("ada").items()
    inputs = json.loads(text)["inputs"]
    assert (week, len(inputs["posts"]), inputs["missed"], inputs["failed"]) == ("2026-W10", 7, 1, 0)
    assert (inputs["followers_start"], inputs["followers_end"]) == (200, 220)
    add_post(fake.runtime, MONDAY + 12 * HOUR, likes=10_000)
    scoring.settle("ada", MONDAY + 9 * DAY)
    assert fake.runtime.series.scores("ada") == {week: text}


def test_anybody_can_recompute_a_score_from_what_is_stored_with_it(fake: FakeRuntime) -> None:
    make_week(fake)
    fake.runtime.scoring.settle("ada", MONDAY + 9 * DAY)
    text = fake.runtime.series.scores("ada")["2026-W10"]
    stored = json.loads(text)
    assert score(Inputs.model_validate(stored["inputs"])).model_dump(mode="json") == stored["score"]
    assert json.dumps(stored, sort_keys=True, separators=(",", ":")) == text, "canonical"
    assert WeekScore.model_validate_json(text).text() == text


def test_counting_scores_the_week_and_folds_the_days(fake: FakeRuntime, measuring: Make) -> None:
    make_week(fake)
    fake.clock.set(MONDAY + 8 * DAY + 4 * HOUR)
    measuring(Counts(followers={1001: 230})).count()
    assert [week.inputs.week for week in fake.runtime.scoring.weeks("ada")] == ["2026-W10"]
    assert len(fake.runtime.series.daily("ada")) == 8


def test_series_are_folded_once_a_day_and_not_every_hour(fake: FakeRuntime, measuring: Make) -> None:
    series, one = fake.runtime.series, measuring(Counts(followers={1001: 230}))
    found = []
    for hour in range(52):
        fake.clock.set(MONDAY + hour * HOUR)
        found.append(bool(series.unfolded(["ada"], fake.clock.now())))
        one.count()
    assert [hour for hour, due in enumerate(found) if due] == [0, 3, 27, 51]
    assert [day.date.day for day in series.daily("ada")] == [2, 3]


def test_a_week_that_is_not_over_has_a_score_so_far_and_an_idle_one_has_none(fake: FakeRuntime) -> None:
    make_week(fake)
    scoring = fake.runtime.scoring
    assert [one.inputs.week for one in scoring.so_far("ada", MONDAY + 3 * DAY)] == ["2026-W10"]
    assert scoring.so_far("ada", MONDAY + 40 * DAY) == []
    scoring.settle("ada", MONDAY + 60 * DAY)
    assert scoring.weeks("ada") == [], "too long ago, and no week since then had anything in it"


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (dt.datetime(2026, 3, 2, tzinfo=dt.UTC), "2026-W10"),
        (dt.datetime(2026, 3, 1, 23, 59, tzinfo=dt.UTC), "2026-W09"),
        (dt.datetime(2026, 12, 31, tzinfo=dt.UTC), "2026-W53"),
        (dt.datetime(2027, 1, 3, tzinfo=dt.UTC), "2026-W53"),
        (dt.datetime(2026, 3, 2, 1, tzinfo=dt.timezone(dt.timedelta(hours=3))), "2026-W09"),
    ],
)
def test_weeks_are_those_of_iso_in_utc(moment: dt.datetime, week: str) -> None:
    assert week_of(moment) == week_of(monday_of(moment)) == week


# Learning at work


def teach(fake: FakeRuntime, posts: int = 60) -> None:
    """Have posts at 9 do well, those at 18 badly, and media best of all kinds."""
    kinds = [Kind.MEDIA, Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT]
    for number in range(posts):
        hour = (9, 13, 18)[number % 3]
        kind = kinds[number % 4]
        likes = (30 if kind is Kind.MEDIA else 4) + {9: 8, 13: 4, 18: -4}[hour]
        add_post(fake.runtime, MONDAY + (number // 3 - 30) * DAY + hour * HOUR, kind=kind, likes=likes)


SCHEDULE = {"cron": "0 9,13,18 * * *", "jitter_seconds": 0}


def slots(days: int, hour: int) -> list[str]:
    return [str(int((MONDAY + day * DAY + hour * HOUR).timestamp() * 1000)) for day in range(1, days + 1)]


@pytest.mark.parametrize(("mode", "media"), [("off", range(4, 25)), ("advise", range(4, 25)), ("on", range(45, 75))])
def test_only_learning_that_is_on_changes_the_mix(fake: FakeRuntime, mode: str, media: range) -> None:
    agent = fake.apply(id="zoe", fid=1003, schedule=SCHEDULE, learning=mode)
    for record in teach_and_list(fake):
        fake.runtime.series.save_post("zoe", record)
    found = [fake.runtime.schedule_source.brief(agent, slot, None) for slot in slots(100, 9)]
    assert sum(brief is not None and brief.kind is Kind.MEDIA for brief in found) in media
    again = [fake.runtime.schedule_source.brief(agent, slot, None) for slot in slots(100, 9)]
    assert found == again


def teach_and_list(fake: FakeRuntime) -> list[Any]:
    teach(fake)
    return fake.runtime.series.posts("ada")


def test_what_is_measured_after_a_slot_does_not_change_its_draw(fake: FakeRuntime) -> None:
    agent = fake.apply(schedule=SCHEDULE, learning="on")
    teach(fake)
    slot = slots(1, 9)[0]
    before = fake.runtime.scoring.weights(agent, slot, {Kind.MEDIA: 50, Kind.ORIGINAL: 50})
    add_post(fake.runtime, MONDAY + 40 * DAY, kind=Kind.ORIGINAL, likes=10_000)
    assert before is not None
    assert fake.runtime.scoring.weights(agent, slot, {Kind.MEDIA: 50, Kind.ORIGINAL: 50}) == before


def test_nothing_is_learned_from_too_few_posts(fake: FakeRuntime) -> None:
    agent = fake.apply(schedule=SCHEDULE, learning="on")
    teach(fake, MIN_POSTS - 1)
    assert fake.runtime.scoring.weights(agent, "m:1", {Kind.MEDIA: 50, Kind.ORIGINAL: 50}) is None
    assert [fake.runtime.scoring.should_skip(agent, slot) for slot in slots(20, 18)] == [""] * 20


def test_a_slot_of_a_bad_hour_is_skipped_and_does_not_count_as_missed(fake: FakeRuntime) -> None:
    agent = fake.apply(schedule=SCHEDULE, learning="on")
    teach(fake)
    passed = [slot for slot in slots(40, 18) if fake.runtime.scoring.should_skip(agent, slot)]
    assert 15 <= len(passed) <= 38
    assert not any(fake.runtime.scoring.should_skip(agent, slot) for slot in [*slots(40, 9), *slots(40, 13), "m:1"])
    fake.clock.set(MONDAY + (1 + slots(40, 18).index(passed[0])) * DAY + 18 * HOUR + dt.timedelta(seconds=1))
    fake.drive()
    run = fake.runtime.runs.run(f"ada:{passed[0]}")
    assert (run.status, run.reason) == ("missed", "learning skips 18:00 today")
    assert tallied(fake, fake.clock.now())["quiet"] == 1
