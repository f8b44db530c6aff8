"""Publishing once: lost answers, refusals, outages and crashes, against a Farcaster that misbehaves on purpose."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ceos import testing
from ceos.clients.neynar import api as neynar_api
from ceos.domain.lifecycle import Stage
from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.errors import RequestRefused
from ceos.posts.signers import RECHECK_SECONDS, signer_digest
from ceos.runs.lease import idempotency_key
from ceos.supervisor import wait_until
from ceos.testing import FakeRuntime

THREAD = "A clock drifts.\n---SPLIT---\nA bridge sways.\n---SPLIT---\nBoth are measured against the sun."
TEXTS = THREAD.split("\n---SPLIT---\n")

IDEM = ["honour", "ignore", "conflict"]
#: Faults after which nobody knows whether the cast is out; here it is.
UNKNOWN_AND_OUT = ["cut_after", "error_500_after", "garbage_200", "no_hash_200"]
#: Faults after which nobody knows; here it is not.
UNKNOWN_AND_LOST = ["cut_before", "error_500_before"]

Start = Callable[..., AbstractContextManager[FakeRuntime]]


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime with one agent, ada, and no settle time."""
    fake_runtime.apply()
    return fake_runtime


@pytest.fixture
def start(ceos_home: Path, ceos_simulator: Any) -> Start:
    """Start a runtime with variables of one's own."""

    def start_with(**environ: Any) -> AbstractContextManager[FakeRuntime]:
        return testing.fake_runtime(ceos_home, simulator=ceos_simulator, **environ)

    return start_with


@pytest.fixture
def patient(start: Start) -> Iterator[FakeRuntime]:
    """A runtime that waits thirty seconds whether an unanswered cast shows up."""
    with start(CEOS_SETTLE_SECONDS="30") as fake:
        fake.apply()
        yield fake


def texts(fake: FakeRuntime) -> list[str]:
    return [cast["text"] for cast in fake.casts()]


def record(fake: FakeRuntime, run_id: str) -> Run:
    return fake.runtime.runs.run(run_id)


def fields(fake: FakeRuntime, run_id: str) -> dict[str, str]:
    found: dict[str, str] = fake.runtime.database.client.hgetall(f"ceos:run:{run_id}")  # type: ignore[assignment]
    return found


def sends(fake: FakeRuntime) -> int:
    """How often a cast was sent, whatever came of it."""
    stats = fake.simulator.stats()
    spoiled = sum(count for name, count in stats.items() if name in _NEVER_COMMITTED)
    return int(stats.get("neynar.casts", 0) + stats.get("neynar.idem_replays", 0) + spoiled)


_NEVER_COMMITTED = {f"neynar.fault.{name}" for name in ("cut_before", "error_500_before", "rate_limited")}


def know_signer(fake: FakeRuntime) -> None:
    """Have ada's signer looked up, as an earlier post would."""
    fake.runtime.agents.save_signer_account(signer_digest(testing.ADA["signer_uuid"]), 1001, RECHECK_SECONDS)


def again(fake: FakeRuntime) -> None:
    """Wake whatever waits, and let it take one more step."""
    fake.wake()
    fake.step()


def settle(fake: FakeRuntime, run_id: str, part: int = 0, seconds: int = 31) -> None:
    """Let time pass since a part was last sent."""
    last = int(fields(fake, run_id)[f"l{part}"])
    fake.runtime.database.client.hset(f"ceos:run:{run_id}", f"l{part}", last - seconds * 1000)


def interrupted(fake: FakeRuntime, parts: int) -> str:
    """Post a thread that is asked to wait after some parts."""
    # A service that asks for more than a few seconds is not waited for inside the client.
    fake.simulator.faults(neynar={"script": ["ok"] * parts + ["rate_limited"], "retry_after": 90})
    run_id = fake.runtime.post("ada", text=THREAD)
    fake.step()
    assert len(fake.casts()) == parts
    return run_id


def assert_whole_thread(fake: FakeRuntime, run: Run) -> None:
    casts = fake.casts()
    assert [cast["text"] for cast in casts] == TEXTS
    assert [cast["parent_hash"] for cast in casts] == [None, casts[0]["hash"], casts[1]["hash"]]
    assert run.status == "published"
    assert run.hashes == tuple(cast["hash"] for cast in casts)


# Threads


def test_a_thread_is_published_whole_and_in_order_each_part_under_the_one_before(fake: FakeRuntime) -> None:
    assert_whole_thread(fake, fake.post(text=THREAD))


def test_every_part_has_an_idempotency_key_of_its_own(fake: FakeRuntime) -> None:
    run = fake.post(text=THREAD)
    assert [cast["idem"] for cast in fake.casts()] == [idempotency_key(run.id, part) for part in range(3)]


def test_a_thread_goes_into_the_channel_with_its_first_part(fake: FakeRuntime) -> None:
    fake.apply(channel="base")
    fake.post(text=THREAD)
    assert {(cast["channel"] or {}).get("id") for cast in fake.casts()} == {"base"}


def test_only_the_first_part_of_a_thread_names_the_channel(fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.apply(channel="base")
    publish, sent = fake.runtime.neynar.publish_cast, []

    def publish_and_note(*args: Any, **options: Any) -> Any:
        published = publish(*args, **options)
        sent.append((options["channel"], options["parent"], options["parent_fid"], published.hash))
        return published

    monkeypatch.setattr(fake.runtime.neynar, "publish_cast", publish_and_note)
    fake.post(text=THREAD)
    hashes = [hash for *_, hash in sent]
    assert [tuple(others) for *others, _ in sent] == [
        ("base", None, None),
        (None, hashes[0], 1001),
        (None, hashes[1], 1001),
    ]


# Unknown outcomes


@pytest.mark.parametrize("idem", IDEM)
@pytest.mark.parametrize("fault", UNKNOWN_AND_OUT + UNKNOWN_AND_LOST)
def test_after_a_lost_answer_there_is_exactly_one_cast(fake: FakeRuntime, fault: str, idem: str) -> None:
    fake.simulator.faults(neynar={"script": [fault], "idem": idem})
    run = fake.post(text="Measure twice.")
    assert texts(fake) == ["Measure twice."]
    assert (run.status, run.hashes) == ("published", (fake.casts()[0]["hash"],))


@pytest.mark.parametrize("idem", IDEM)
@pytest.mark.parametrize("fault", UNKNOWN_AND_OUT + UNKNOWN_AND_LOST)
def test_a_lost_answer_in_every_part_leaves_the_thread_whole(fake: FakeRuntime, fault: str, idem: str) -> None:
    fake.simulator.faults(neynar={"script": [fault] * 3, "idem": idem})
    if fault in UNKNOWN_AND_LOST:
        fake.simulator.faults(neynar={"script": [fault, "ok"] * 3})
    assert_whole_thread(fake, fake.post(text=THREAD))


@pytest.mark.parametrize("fault", UNKNOWN_AND_OUT)
def test_a_cast_that_is_out_is_found_and_not_sent_again(fake: FakeRuntime, fault: str) -> None:
    fake.simulator.faults(neynar={"script": [fault]})
    fake.post(text="Measure twice.")
    assert sends(fake) == 1


@pytest.mark.parametrize("idem", IDEM)
def test_a_stalled_answer_leaves_exactly_one_cast(
    fake: FakeRuntime, idem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neynar_api, "PUBLISH_SECONDS", 0.1)
    fake.simulator.faults(neynar={"script": ["stall_after"], "stall_seconds": 1.0, "idem": idem})
    assert fake.post(text="Measure twice.").status == "published"
    assert texts(fake) == ["Measure twice."]


@pytest.mark.parametrize("idem", IDEM)
def test_a_cast_committed_after_the_connection_broke_is_waited_for(patient: FakeRuntime, idem: str) -> None:
    # Given a service that commits only after it has dropped the connection
    late = {"late_commit_seconds": 0.2, "late_commit_cut_seconds": 0.01}
    patient.simulator.faults(neynar={"script": ["late_commit"], "idem": idem, **late})
    run_id = patient.runtime.post("ada", text="Measure twice.")
    # When the run is driven again and again before that
    for _ in range(3):
        again(patient)
    # Then it waits, and finds the cast once it is there
    assert wait_until(patient.casts, 60)
    again(patient)
    assert record(patient, run_id).status == "published"
    assert texts(patient) == ["Measure twice."]


def test_a_cast_the_feed_shows_late_is_waited_for(patient: FakeRuntime) -> None:
    patient.simulator.faults(neynar={"script": ["cut_after"], "idem": "ignore", "lookup_lag_seconds": 3600})
    run_id = patient.runtime.post("ada", text="Measure twice.")
    for _ in range(3):
        again(patient)
    assert "waiting whether a cast of unknown outcome shows up" in record(patient, run_id).reason
    patient.simulator.faults(neynar={"lookup_lag_seconds": 0})
    again(patient)
    assert record(patient, run_id).status == "published"
    assert texts(patient) == ["Measure twice."]


@pytest.mark.parametrize("idem", IDEM)
def test_a_cast_that_did_not_come_is_sent_again_only_after_the_settle_time(patient: FakeRuntime, idem: str) -> None:
    # Given a send that was lost
    patient.simulator.faults(neynar={"script": ["cut_before"], "idem": idem})
    run_id = patient.runtime.post("ada", text="Measure twice.")
    # When the run is driven before the settle time is over
    for _ in range(5):
        again(patient)
    # Then nothing is sent
    assert sends(patient) == 1
    # And when it is over, the part is sent again with the same key
    settle(patient, run_id)
    again(patient)
    assert sends(patient) == 2
    assert [cast["idem"] for cast in patient.casts()] == [idempotency_key(run_id, 0)]
    assert record(patient, run_id).status == "published"


@pytest.mark.parametrize("fault", ["read_error_500", "read_rate_limited", "read_cut", "read_garbage_200"])
def test_nothing_is_sent_again_while_the_look_up_fails(fake: FakeRuntime, fault: str) -> None:
    # Given a lost answer, and reads that fail
    know_signer(fake)
    fake.simulator.faults(neynar={"script": ["cut_after"], "idem": "ignore", fault: 1})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    for _ in range(6):
        again(fake)
    # Then the run waits, however often it is driven, and says why
    waiting = record(fake, run_id)
    assert waiting.status == "publishing"
    assert "cannot tell yet whether part 1 is out" in waiting.reason
    assert sends(fake) == 1
    # And goes on when reads work again
    fake.simulator.faults(neynar={fault: 0})
    fake.drive()
    assert record(fake, run_id).status == "published"
    assert texts(fake) == ["Measure twice."]


def test_an_earlier_cast_with_the_same_words_is_not_taken_for_the_lost_one(fake: FakeRuntime) -> None:
    first = fake.post(text="gm")
    fake.simulator.faults(neynar={"script": ["cut_before"]})
    second = fake.post(text="gm")
    assert texts(fake) == ["gm", "gm"]
    assert first.hashes != second.hashes


def test_a_part_that_never_shows_up_fails_after_three_sends(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"script": ["cut_before"] * 20})
    run = fake.post(text="Measure twice.")
    assert (run.status, sends(fake)) == ("failed", 3)
    assert run.reason == "part 1 was sent 3 times and never showed up"
    assert fake.runtime.runs.dead() == [run.id]


def test_the_moment_of_the_first_send_stays_on_record(fake: FakeRuntime) -> None:
    """The look-up starts there: the cast may be older than the latest send."""
    fake.simulator.faults(neynar={"script": ["cut_before", "cut_before"]})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    fake.step()
    fake.runtime.database.client.hset(f"ceos:run:{run_id}", "s0", "1772445600000")
    again(fake)
    assert fields(fake, run_id)["s0"] == "1772445600000"
    assert int(fields(fake, run_id)["l0"]) > 1772445600000


def test_the_waits_between_three_sends_double(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"script": ["cut_before"] * 3})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    waits = []
    for _ in range(3):
        again(fake)
        due = fake.runtime.database.client.zscore("ceos:open", run_id)
        waits.append(round((due - fake.runtime.ledger.now_ms()) / 1000))  # type: ignore[operator]
    assert waits == [1, 2, 4]


# What certainly was not sent


@pytest.mark.parametrize(("retry_after", "expected"), [(7, 7), (None, 15), (90, 90)])
def test_too_many_requests_uses_up_no_send_and_waits_as_asked(
    fake: FakeRuntime, retry_after: float | None, expected: int
) -> None:
    fake.simulator.faults(neynar={"rate_limited": 1, "retry_after": retry_after})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    for waits in range(30):
        again(fake)
        assert not {"s0", "l0", "a0"} & set(fields(fake, run_id)), "nothing was sent"
        due = fake.runtime.database.client.zscore("ceos:open", run_id)
        wait = (due - fake.runtime.ledger.now_ms()) / 1000  # type: ignore[operator]
        # As long as it was asked to, and longer the longer that goes on.
        assert max(expected, waits) - 1 < wait <= max(expected, waits)
    fake.simulator.faults(neynar={"rate_limited": 0})
    again(fake)
    assert record(fake, run_id).status == "published"
    assert texts(fake) == ["Measure twice."]


def test_too_many_requests_after_a_lost_answer_does_not_forget_the_lost_answer(fake: FakeRuntime) -> None:
    # Given a cast that is out but not in the feed yet, and a second send that is put off
    script = {"script": ["cut_after", "rate_limited"], "retry_after": 90}
    fake.simulator.faults(neynar={**script, "idem": "ignore", "lookup_lag_seconds": 3600})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    again(fake)
    again(fake)
    assert fields(fake, run_id)["s0"]
    # When the feed catches up, the first send is found
    fake.simulator.faults(neynar={"lookup_lag_seconds": 0})
    fake.drive()
    assert record(fake, run_id).status == "published"
    assert texts(fake) == ["Measure twice."]


def test_every_request_to_publish_is_written_down_before_it_leaves(fake: FakeRuntime) -> None:
    """The settle time counts from the note: a second request under one note would be looked for too early."""
    know_signer(fake)
    fake.simulator.faults(neynar={"script": ["rate_limited", "rate_limited"], "retry_after": 1})
    fake.runtime.post("ada", text="Measure twice.")
    fake.step()
    assert fake.simulator.stats()["neynar.requests"] == 1
    fake.drive()
    assert texts(fake) == ["Measure twice."]


@pytest.mark.parametrize("status", [401, 402, 404])
def test_a_look_up_that_is_refused_does_not_end_the_run(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    # Given a cast that is out, its answer lost, and a service that refuses to say what is out
    fake.simulator.faults(neynar={"script": ["cut_after"]})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    with monkeypatch.context() as patch:
        patch.setattr(fake.runtime.neynar, "find_cast", lambda *_, **__: refuse(status))
        fake.drive(rounds=5)
        assert (record(fake, run_id).status, len(texts(fake))) == ("publishing", 1)
        assert "cannot tell yet whether part 1 is out" in record(fake, run_id).reason
    # When it is let look again
    fake.drive()
    assert (record(fake, run_id).status, len(texts(fake))) == ("published", 1)


def refuse(status: int) -> None:
    raise RequestRefused(f"Neynar answered {status}.", status=status)


def test_a_refused_connection_counts_as_certainly_not_sent(start: Start) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with start(NEYNAR_BASE_URL=f"http://127.0.0.1:{closed.getsockname()[1]}/v2", CEOS_SETTLE_SECONDS="30") as fake:
            fake.apply()
            know_signer(fake)
            run_id = fake.runtime.post("ada", text="Measure twice.")
            for count in ("1", "2"):
                again(fake)
                assert fields(fake, run_id)["a0"] == count
                assert "s0" not in fields(fake, run_id), "there is no lost answer to look for"
            again(fake)
            run = record(fake, run_id)
            assert run.status == "failed"
            assert run.reason.startswith("given up after 3 attempts: Neynar could not be reached")


def test_a_refusal_fails_at_once_and_says_what_the_service_said(fake: FakeRuntime) -> None:
    know_signer(fake)
    fake.simulator.faults(neynar={"signers": "strict"})
    run = fake.post(text="Measure twice.")
    assert run.status == "failed"
    assert "Neynar answered 404 when asked to publish a cast" in run.reason
    assert texts(fake) == []


def test_a_refusal_after_a_lost_answer_is_no_failure_when_the_cast_is_out(fake: FakeRuntime) -> None:
    # Given a cast that is out but that nobody sees
    fake.simulator.faults(neynar={"script": ["cut_after"], "lookup_lag_seconds": 3600})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    again(fake)
    # When it shows up
    fake.simulator.faults(neynar={"lookup_lag_seconds": 0, "signers": "strict"})
    again(fake)
    # Then it counts, although sending it again would be refused
    assert record(fake, run_id).status == "published"


def test_a_missing_signer_fails_with_the_name_of_its_variable(fake: FakeRuntime) -> None:
    fake.apply(signer_uuid=None, signer_uuid_env="ADA_SIGNER")
    run = fake.post(text="Measure twice.")
    assert run.status == "failed"
    assert "set ADA_SIGNER in the environment" in run.reason


# Partly published threads


def partial(fake: FakeRuntime) -> str:
    """Publish part 1 of a thread, then have part 2 refused."""
    run_id = interrupted(fake, 1)
    fake.simulator.faults(neynar={"signers": "strict"})
    again(fake)
    return run_id


def test_a_refusal_in_the_middle_of_a_thread_leaves_it_partial_and_visible(fake: FakeRuntime) -> None:
    run_id = partial(fake)
    run = record(fake, run_id)
    assert run.status == "partial"
    assert run.hashes == (fake.casts()[0]["hash"], None, None)
    assert fake.runtime.runs.dead() == [run_id]
    assert run.draft is not None and [part.text for part in run.draft.parts] == TEXTS, "nothing was shortened"


def test_a_partial_thread_is_resumed_at_its_next_part(fake: FakeRuntime) -> None:
    run_id = partial(fake)
    fake.simulator.faults(neynar={"signers": "any"})
    fake.runtime.ledger.decide(run_id, "retry")
    assert fake.runtime.runs.dead() == []
    keys = f"ceos:run:{run_id}", f"ceos:draft:{run_id}"
    assert [fake.runtime.database.client.ttl(key) for key in keys] == [-1, -1], "an open run does not expire"
    fake.drive()
    assert_whole_thread(fake, record(fake, run_id))
    assert fake.runtime.database.client.ttl(f"ceos:run:{run_id}") > 0


def test_a_resumed_part_has_three_sends_again(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"script": ["ok"] + ["cut_before"] * 3})
    run_id = fake.runtime.post("ada", text=THREAD)
    fake.drive()
    assert record(fake, run_id).status == "partial"
    fake.simulator.faults(neynar={"script": ["cut_before", "cut_before"]})
    fake.runtime.ledger.decide(run_id, "retry")
    fake.drive()
    assert_whole_thread(fake, record(fake, run_id))


def test_a_retry_of_a_failed_run_looks_before_it_sends(fake: FakeRuntime) -> None:
    # Given a run that failed although its cast is out
    fake.simulator.faults(neynar={"script": ["cut_after", "cut_after", "cut_after"], "lookup_lag_seconds": 3600})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    fake.drive()
    assert record(fake, run_id).status == "failed"
    # When it is retried and the feed has caught up
    fake.simulator.faults(neynar={"lookup_lag_seconds": 0, "idem": "ignore"})
    sent = sends(fake)
    fake.runtime.ledger.decide(run_id, "retry")
    fake.drive()
    # Then nothing more is sent
    assert (record(fake, run_id).status, sends(fake)) == ("published", sent)
    assert texts(fake) == ["Measure twice."]


def test_a_dropped_run_is_gone_from_the_dead(fake: FakeRuntime) -> None:
    run_id = partial(fake)
    fake.runtime.ledger.decide(run_id, "drop")
    assert fake.runtime.runs.dead() == []
    fake.drive()
    assert len(texts(fake)) == 1


# Crashes


@pytest.mark.parametrize("idem", ["honour", "ignore"])
@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("point", ["begun", "noted", "sent", "written"])
def test_a_killed_publisher_repeats_no_part_and_loses_none(fake: FakeRuntime, point: str, part: int, idem: str) -> None:
    """The worker dies after it took the run, noted the send, sent it, or wrote its hash down."""
    # Given a worker that has published the parts before
    fake.simulator.faults(neynar={"idem": idem})
    run_id = interrupted(fake, part)
    runtime, agent = fake.runtime, fake.runtime.agents.agent("ada")
    # When it dies on the way through this one
    lease = runtime.ledger.begin_stage(run_id, Stage.PUBLISH)
    assert lease is not None and lease.draft is not None
    parent = lease.action(part - 1).hash if part else None
    if point in ("noted", "sent", "written"):
        runtime.ledger.record_sending(lease, part)
    if point in ("sent", "written"):
        published = runtime.neynar.publish_cast(
            runtime.signer(agent),
            TEXTS[part],
            idem=idempotency_key(run_id, part),
            parent=parent,
            parent_fid=agent.fid if parent else None,
        )
        if point == "written":
            runtime.ledger.record_sent(lease, part, published.hash)
    runtime.database.client.hset(f"ceos:run:{run_id}", "lease", 1)
    # Then another worker finishes the thread
    fake.drive()
    assert_whole_thread(fake, record(fake, run_id))


def test_a_worker_that_is_told_to_stop_hands_the_thread_over_between_two_parts(fake: FakeRuntime) -> None:
    run_id = interrupted(fake, 1)
    fake.runtime.stopping.set()
    again(fake)
    assert (record(fake, run_id).reason, len(texts(fake))) == ("released at shutdown", 1)
    assert fake.runtime.ledger.claim_due_runs() == [(run_id, Stage.PUBLISH)], "another worker goes on at once"
    fake.runtime.stopping.clear()
    fake.drive()
    assert_whole_thread(fake, record(fake, run_id))


def test_a_pause_stops_a_thread_between_two_parts_and_resuming_finishes_it(fake: FakeRuntime) -> None:
    run_id = interrupted(fake, 1)
    fake.runtime.pause("ada")
    for _ in range(3):
        again(fake)
    assert len(texts(fake)) == 1
    fake.runtime.resume("ada")
    fake.step()
    assert_whole_thread(fake, record(fake, run_id))


def test_panic_stops_every_agent_and_its_end_lets_all_go_on(fake: FakeRuntime) -> None:
    fake.runtime.ops.set_panic("stop")
    run_id = fake.runtime.post("ada", text=THREAD)
    again(fake)
    assert texts(fake) == []
    fake.runtime.ops.set_panic(None)
    fake.drive()
    assert_whole_thread(fake, record(fake, run_id))


# A bad day


@pytest.mark.parametrize("idem", IDEM)
def test_many_posts_through_a_bad_day_are_each_out_once(fake: FakeRuntime, idem: str) -> None:
    chances = dict.fromkeys((*UNKNOWN_AND_OUT, *UNKNOWN_AND_LOST, "rate_limited"), 0.06)
    fake.simulator.faults(neynar={**chances, "idem": idem})
    fake.apply(limits={"casts_per_hour": 1000})
    for number in range(12):
        fake.runtime.post("ada", text="\n---SPLIT---\n".join(f"Post {number}, part {part}." for part in range(3)))
    fake.drive(200)
    runs = fake.runtime.runs.recent_runs("ada")
    assert {run.status for run in runs} == {"published"}
    assert sorted(texts(fake)) == sorted(f"Post {n}, part {part}." for n in range(12) for part in range(3))


# What is left behind


def test_published_casts_are_remembered_with_the_time_they_were_sent(fake: FakeRuntime) -> None:
    # Given a draft that was opened long before it was published
    run_id = fake.runtime.post("ada", text="Measure twice.")
    fake.runtime.database.client.hset(f"ceos:run:{run_id}", "at", 1_000_000_000_000)
    fake.drive()
    (cast,) = fake.runtime.runs.recent_casts("ada")
    assert abs(cast.at.timestamp() * 1000 - fake.runtime.ledger.now_ms()) < 60_000


def test_every_part_leaves_one_log_record_with_its_hash(fake: FakeRuntime, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ceos"):
        run = fake.post(text=THREAD)
    published = [entry for entry in caplog.records if getattr(entry, "event", "") == "cast.published"]
    assert [(entry.__dict__["part"], entry.__dict__["hash"]) for entry in published] == [
        (part, hash) for part, hash in enumerate(run.hashes, 1)
    ]


def test_neither_signer_nor_text_is_in_the_log(fake: FakeRuntime, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "ceos"):
        fake.post(kind=Kind.ORIGINAL)
    everything = "\n".join(str(entry.__dict__) for entry in caplog.records)
    assert testing.ADA["signer_uuid"] not in everything
    assert texts(fake)[0] not in everything


def test_a_service_that_is_busy_for_ever_ends_the_post_visibly(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"rate_limited": 1})
    run_id = fake.runtime.post("ada", text="Measure twice.")
    fake.drive(rounds=120)
    ended = record(fake, run_id)
    assert ended.status == "failed"
    assert "given up after waiting 100 times" in ended.reason
    assert texts(fake) == []
