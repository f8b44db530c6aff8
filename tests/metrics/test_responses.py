"""The counts of casts are those of others: own parts, own answers and agents of the same installation are left out."""

from __future__ import annotations

import pytest
import requests
from helpers.conversations import BOB, cast, signer
from helpers.http_double import HttpDouble

from ceos.clients.neynar.client import Neynar
from ceos.domain.posts import CastMetrics, Kind
from ceos.domain.runs import Run
from ceos.testing import FakeRuntime

ADA, BEN = 1001, 1002


@pytest.fixture(name="fake")
def fake_fixture(fake_runtime: FakeRuntime) -> FakeRuntime:
    # The simulated crowd only counts; it is no list of accounts.
    fake_runtime.simulator.faults(neynar={"audience": 0, "crowd": 0})
    fake_runtime.apply()
    fake_runtime.apply(id="ben", fid=BEN, signer_uuid=signer(BEN))
    return fake_runtime


def measured(fake: FakeRuntime, run: Run) -> list[CastMetrics]:
    """Measure a post and return the counts of its casts, in the order of its parts."""
    fake.clock.advance(hours=1)
    fake.runtime.measuring.measure(run.id)
    rows = fake.runtime.metrics.cast_hashes(run.id)
    return [rows[str(hash)][-1] for hash in run.hashes]


def requests_for(fake: FakeRuntime, name: str) -> int:
    return fake.simulator.stats().get(name, 0)


def test_a_thread_that_nobody_saw_has_no_replies(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.THREAD)
    assert len(run.hashes) >= 3
    before = requests_for(fake, "neynar.requests")
    assert [row.replies for row in measured(fake, run)] == [0] * len(run.hashes)
    # One for the counts of all parts, and one for the quotes of each.
    assert requests_for(fake, "neynar.requests") - before == 1 + len(run.hashes)
    (record,) = fake.runtime.series.posts("ada")
    assert (record.parts, record.counts[-1].replies) == (len(run.hashes), 0)


def test_replies_of_others_count_and_those_of_the_agent_and_its_siblings_do_not(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.THREAD)
    root = (str(run.hashes[0]), ADA)
    answer = cast(fake, "Which part failed first?", BOB, root)
    cast(fake, "And the second one?", 502, root)
    cast(fake, "The bolts, mostly.", ADA, (answer, BOB))
    cast(fake, "An addition of my own.", ADA, root)
    cast(fake, "Well said, sister.", BEN, root)
    assert [row.replies for row in measured(fake, run)] == [2] + [0] * (len(run.hashes) - 1)


def test_likes_recasts_and_quotes_of_siblings_do_not_count(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.ORIGINAL)
    hash, neynar = str(run.hashes[0]), fake.runtime.neynar
    for fid in (ADA, BEN, BOB, 502):
        neynar.react(signer(fid), "like", hash, ADA, idem=f"like-{fid}")
    for fid in (BEN, BOB):
        neynar.react(signer(fid), "recast", hash, ADA, idem=f"recast-{fid}")
        quote = {"cast_id": {"fid": ADA, "hash": hash}}
        body = {"signer_uuid": signer(fid), "text": f"See this, says {fid}.", "embeds": [quote]}
        url = f"{fake.simulator.neynar_url}/farcaster/cast/"
        assert requests.post(url, json=body, headers={"x-api-key": "test"}, timeout=60).ok
    (row,) = measured(fake, run)
    assert (row.likes, row.recasts, row.quotes) == (2, 1, 1)


def test_a_reply_to_the_last_part_counts(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.THREAD)
    cast(fake, "So it ends?", BOB, (str(run.hashes[-1]), ADA))
    assert [row.replies for row in measured(fake, run)] == [0] * (len(run.hashes) - 1) + [1]


def test_responses_that_cannot_be_listed_are_counted_without_the_known_parts(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.THREAD)
    cast(fake, "Which part failed first?", BOB, (str(run.hashes[0]), ADA))
    with HttpDouble() as http:
        first = fake.runtime.neynar.casts([str(hash) for hash in run.hashes])
        told = [
            {"hash": hash, "reactions": {"likes_count": 4, "recasts_count": 0}, "replies": {"count": one.replies}}
            for hash, one in first.items()
        ]
        http.answer({"result": {"casts": told}})
        for _ in range(40):
            http.answer({"message": "not now"}, 400)
        measuring = fake.runtime.measuring
        measuring._neynar = measuring._responses._neynar = Neynar("key", http.url + "/v2")
        rows = measured(fake, run)
    assert [row.replies for row in rows] == [1] + [0] * (len(run.hashes) - 1)
    assert {(row.likes, row.quotes) for row in rows} == {(4, None)}
