"""The time series in Redis: noted once, kept small, folded into days, and forgotten with their agent."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from helpers.metric_samples import HOUR, MONDAY, add_followers, add_post

from ceos.domain.posts import CastMetrics, Kind
from ceos.metrics.store import SeriesStore
from ceos.metrics.timeseries import AccountCounts, Span
from ceos.storage.codec import unpack
from ceos.testing import FakeRuntime

DAY = 24 * HOUR
START = int(MONDAY.timestamp()) // 3600


@pytest.fixture(name="fake")
def fake_fixture(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.apply()
    return fake_runtime


@pytest.fixture(name="series")
def series_fixture(fake: FakeRuntime) -> SeriesStore:
    return fake.runtime.series


def everything(fake: FakeRuntime) -> Any:
    client: Any = fake.runtime.database.client
    return {key: client.hgetall(key) for key in sorted(client.keys("ceos:series:*"))}


def followers(series: SeriesStore, agent_id: str = "ada") -> list[int | None]:
    return [found.followers for _, found in series.hourly(agent_id)]


# Accounts


def test_points_come_back_in_their_order_with_their_gaps(fake: FakeRuntime, series: SeriesStore) -> None:
    add_followers(fake.runtime, MONDAY + 20 * HOUR, [100, 101, None, 99, None, None, 120])
    series.add_counts({"ada": AccountCounts(followers=None, following=7, storage=None)}, START + 27)
    points = series.hourly("ada")
    assert [(at - MONDAY) / HOUR for at, _ in points] == [20, 21, 23, 26, 27]
    assert followers(series) == [100, 101, 99, 120, None]
    assert points[-1][1] == AccountCounts(followers=None, following=7, storage=None)
    assert [at for at, _ in series.hourly("ada", MONDAY + 23 * HOUR)] == [at for at, _ in points[2:]]


def test_the_same_moment_again_and_an_earlier_one_change_nothing(fake: FakeRuntime, series: SeriesStore) -> None:
    add_followers(fake.runtime, MONDAY, [100, 101])
    before = everything(fake)
    for hour in (START, START + 1):
        series.add_counts({"ada": AccountCounts(followers=999)}, hour)
    assert everything(fake) == before


def test_many_workers_that_count_the_same_hours_leave_one_point_of_each(fake: FakeRuntime, series: SeriesStore) -> None:
    for number in range(8):
        fake.apply(id=f"agent-{number}", fid=2000 + number)
    ids = fake.runtime.agents.agent_ids()

    def work(number: int) -> None:
        series.add_counts(
            {one: AccountCounts(followers=100, following=1, storage=1) for one in ids}, START + number // 8
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    assert [followers(series, one) for one in ids] == [[100] * 8] * len(ids)


def test_what_is_noted_is_known_by_the_hour(fake: FakeRuntime, series: SeriesStore) -> None:
    fake.apply(id="ben", fid=1002)
    add_followers(fake.runtime, MONDAY, [100])
    assert series.counted_agents(["ada", "ben"], START) == {"ada"}
    assert series.counted_agents(["ada", "ben"], START + 1) == set()


def test_the_latest_followers_are_those_before_the_moment_and_not_older_than_a_day(
    fake: FakeRuntime, series: SeriesStore
) -> None:
    add_followers(fake.runtime, MONDAY, [100, 110, None, 120])
    assert series.latest(["ada", "eve"], MONDAY + 2.5 * HOUR) == {"ada": 110}
    assert series.latest(["ada"], MONDAY + DAY) == {"ada": 120}
    assert series.latest(["ada"], MONDAY + 2 * DAY) == {}
    assert series.latest(["ada"], MONDAY - HOUR) == {}


def test_of_an_agent_that_was_removed_nothing_is_kept(fake: FakeRuntime, series: SeriesStore) -> None:
    add_followers(fake.runtime, MONDAY, [100])
    add_post(fake.runtime, MONDAY)
    series.save_score("ada", "2026-W10", "{}")
    fake.runtime.remove("ada")
    add_followers(fake.runtime, MONDAY + HOUR, [101])
    add_post(fake.runtime, MONDAY + HOUR)
    assert series.save_score("ada", "2026-W11", "{}") is False
    client: Any = fake.runtime.database.client
    assert [
        key for key in client.keys("ceos:*:ada") if key.split(":")[1] in ("series", "posts", "tally", "scores")
    ] == []


# Folding


def test_a_day_is_folded_into_its_last_least_and_most_once_it_is_over(fake: FakeRuntime, series: SeriesStore) -> None:
    add_followers(fake.runtime, MONDAY, [100, 90, None, 130, 120])
    series.fold("ada", MONDAY + 12 * HOUR)
    assert series.daily("ada") == [], "the day is not over"
    series.fold("ada", MONDAY + 25 * HOUR)
    (day,) = series.daily("ada")
    assert (day.date, day.followers) == (MONDAY.date(), Span(last=120, lowest=90, highest=130))
    before = everything(fake)
    series.fold("ada", MONDAY + 25 * HOUR)
    assert everything(fake) == before


def test_hours_go_after_thirty_days_and_days_stay_for_ever(fake: FakeRuntime, series: SeriesStore) -> None:
    for day in range(70):
        if day not in (10, 11):
            add_followers(fake.runtime, MONDAY + day * DAY, [100 + day, 101 + day])
        series.fold("ada", MONDAY + day * DAY + 6 * HOUR)
    days = series.daily("ada")
    wanted = [day for day in range(69) if day not in (10, 11)]
    assert [(day.date - MONDAY.date()).days for day in days] == wanted, "a day without a count stays a gap"
    assert [day.followers and day.followers.last for day in days] == [101 + day for day in wanted]
    assert series.hourly("ada")[0][0] == MONDAY + 39 * DAY


def test_a_year_begins_a_field_of_its_own(fake: FakeRuntime, series: SeriesStore) -> None:
    new_year = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    for day in range(-2, 3):
        add_followers(fake.runtime, new_year + day * DAY, [100 + day])
    series.fold("ada", new_year + 5 * DAY)
    assert sorted(field for field in everything(fake)["ceos:series:ada"] if field[0] == "d") == ["d2026", "d2027"]
    assert [day.followers and day.followers.last for day in series.daily("ada")] == [98, 99, 100, 101, 102]


def test_posts_are_summed_by_day_when_their_last_count_is_in_and_go_after_ninety_days(
    fake: FakeRuntime, series: SeriesStore
) -> None:
    add_post(fake.runtime, MONDAY + 9 * HOUR, likes=4, recasts=2, replies=1, quotes=None)
    add_post(fake.runtime, MONDAY + 13 * HOUR, likes=10, recasts=0, replies=0, quotes=3)
    add_post(fake.runtime, MONDAY + 30 * HOUR, likes=1, recasts=0, replies=0, quotes=None)
    series.fold("ada", MONDAY + 8 * DAY)
    assert series.post_days("ada") == []
    series.fold("ada", MONDAY + 9 * DAY)
    series.fold("ada", MONDAY + 10 * DAY)
    first, second = series.post_days("ada")
    assert (first.posts, first.likes, first.recasts, first.replies, first.quotes) == (2, 14, 2, 1, 3)
    assert (first.lowest, first.highest, second.quotes) == (7, 13, None)
    series.fold("ada", MONDAY + 95 * DAY)
    assert series.posts("ada") == []
    assert len(series.post_days("ada")) == 2


def test_old_tallies_go(fake: FakeRuntime, series: SeriesStore) -> None:
    client: Any = fake.runtime.database.client
    day = int(MONDAY.timestamp()) // 86_400
    client.hset("ceos:tally:ada", mapping={f"{day}:published": 3, f"{day + 30}:published": 2, f"{day + 30}:missed": 1})
    series.fold("ada", MONDAY + 40 * DAY)
    assert series.tally("ada", range(day, day + 40)) == {"published": 2, "missed": 1}


# Posts


def test_a_post_comes_back_as_it_was_noted(fake: FakeRuntime, series: SeriesStore) -> None:
    noted = add_post(fake.runtime, MONDAY, kind=Kind.MEDIA, quotes=None, followers=None, attempts=2, repeats=True)
    assert series.posts("ada") == [noted]
    assert series.post("ada", noted.slot) == noted
    assert series.post("ada", "1") is None


def test_a_post_is_judged_by_its_counts_a_day_after_publication(fake: FakeRuntime) -> None:
    post = add_post(fake.runtime, MONDAY, likes=10)

    def counted(*hours: int) -> int | None:
        rows = tuple(CastMetrics(hash="", likes=hour, recasts=0, replies=0, at=MONDAY + hour * HOUR) for hour in hours)
        found = post.model_copy(update={"counts": rows}).day_old()
        return found.likes if found else None

    assert [counted(1, 6, 24, 168), counted(1, 6, 168), counted(168), counted()] == [24, 6, 168, None]
    assert post.day_old(MONDAY + 2 * HOUR) == post.counts[0]
    assert post.day_old(MONDAY) is None


# Size


def test_thirty_days_of_hours_cost_less_than_ten_bytes_a_count(fake: FakeRuntime) -> None:
    for day in range(30):
        add_followers(fake.runtime, MONDAY + day * DAY, [1000 + day * 24 + hour for hour in range(24)])
    client: Any = fake.runtime.database.client
    assert client.memory_usage("ceos:series:ada", samples=0) / (30 * 24 * 3) < 10
    packed = "".join(client.hgetall("ceos:series:ada").values())
    assert len(packed) / (30 * 24 * 3) < 2
    assert len(unpack(client.hget("ceos:series:ada", f"h{START // 24}"), 3, step=1)) == 24
