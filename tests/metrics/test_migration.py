"""Stored numbers of threads are corrected once, when a worker of this version starts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from helpers.metric_samples import HOUR, add_post

from ceos.domain.posts import CastMetrics, Kind
from ceos.domain.runs import Run
from ceos.metrics import migration
from ceos.metrics.timeseries import PostRecord, pack_measurements
from ceos.testing import FakeRuntime


@pytest.fixture(name="fake")
def fake_fixture(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.simulator.faults(neynar={"audience": 0, "crowd": 0})
    fake_runtime.apply()
    return fake_runtime


def row(at: dt.datetime, replies: int, hash: str = "") -> CastMetrics:
    return CastMetrics(hash=hash, likes=4, recasts=1, replies=replies, quotes=0, at=at)


def old_thread(fake: FakeRuntime, replies: list[int]) -> Run:
    """Publish a thread and store the measurements of its casts as a version before stored them."""
    run = fake.post(kind=Kind.THREAD)
    client: Any = fake.runtime.database.client
    at = (fake.clock.now() + HOUR).replace(second=0, microsecond=0)
    replies += [1] * (len(run.hashes) - len(replies) - 1) + [0]
    for hash, count in zip(run.hashes, replies, strict=True):
        client.hset(f"ceos:metrics:{run.id}", hash, pack_measurements([row(at, count, str(hash))]))
    record = PostRecord(
        slot=run.slot, at=fake.clock.now(), kind=Kind.THREAD, parts=len(run.hashes), attempts=1, repeats=False,
        followers=200, counts=(row(at, sum(replies)).model_copy(update={"likes": 4 * len(replies)}),),
    )  # fmt: skip
    fake.runtime.series.save_post("ada", record)
    return run


def replies_of(fake: FakeRuntime) -> list[int]:
    return [post.counts[-1].replies for post in fake.runtime.series.posts("ada")]


def test_the_own_parts_of_a_thread_are_subtracted_once(fake: FakeRuntime) -> None:
    run = old_thread(fake, [3])
    fake.runtime.migrate()
    rows = fake.runtime.metrics.cast_hashes(run.id)
    assert [rows[str(hash)][0].replies for hash in run.hashes] == [2] + [0] * (len(run.hashes) - 1)
    assert replies_of(fake) == [2]
    fake.runtime.migrate()
    fake.runtime.database.client.delete("ceos:corrections")
    fake.runtime.migrate()
    assert replies_of(fake) == [2], "a correction that was interrupted before its end skips corrected agents"


def test_posts_of_one_part_and_what_is_measured_later_stay(fake: FakeRuntime) -> None:
    single = add_post(fake.runtime, fake.clock.now() - 2 * HOUR, replies=5)
    fake.runtime.migrate()
    assert fake.runtime.series.post("ada", single.slot) == single
    run = old_thread(fake, [3])
    fake.runtime.migrate()
    assert fake.runtime.series.post("ada", run.slot).counts[-1].replies == 3 + len(run.hashes) - 2  # type: ignore[union-attr]


def test_a_thread_whose_measurements_have_expired_is_corrected_by_its_parts(fake: FakeRuntime) -> None:
    run = old_thread(fake, [3])
    fake.runtime.database.client.delete(f"ceos:metrics:{run.id}")
    fake.runtime.migrate()
    assert replies_of(fake) == [2]


def test_sums_of_days_are_corrected_as_long_as_their_posts_are_stored(fake: FakeRuntime) -> None:
    series, now = fake.runtime.series, fake.clock.now()
    add_post(fake.runtime, now, replies=2)
    run = old_thread(fake, [3])
    later = now + dt.timedelta(days=20)
    series.fold("ada", later)
    (before,) = series.post_days("ada")
    fake.clock.set(later)
    fake.runtime.migrate()
    (after,) = series.post_days("ada")
    assert (after.posts, after.likes) == (before.posts, before.likes)
    assert before.replies - after.replies == len(run.hashes) - 1


def test_the_correction_waits_for_a_measurement_that_is_stored_in_between(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = old_thread(fake, [3])
    series = fake.runtime.series
    original, calls = migration.pack_post, []

    def pack_and_be_overtaken(record: PostRecord) -> str:
        if not calls:
            stored = series.post("ada", run.slot)
            assert stored is not None
            series.save_post("ada", stored.model_copy(update={"followers": 321}))
        calls.append(record)
        return original(record)

    monkeypatch.setattr(migration, "pack_post", pack_and_be_overtaken)
    fake.runtime.migrate()
    assert len(calls) == 2
    (post,) = series.posts("ada")
    assert (post.followers, post.counts[-1].replies) == (321, 2)
