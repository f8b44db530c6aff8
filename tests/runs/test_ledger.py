"""The run ledger on a real server: who may drive a run, what is refused, and that every script may run twice."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from importlib import resources
from itertools import pairwise
from typing import Any

import pytest

from ceos.chain.erc8004.store import IdentityStore, Registration
from ceos.chain.events.cursor import Checkpoint
from ceos.chain.events.store import EventStore
from ceos.chain.tx.policy import Cap
from ceos.chain.tx.quoting import Quote
from ceos.chain.tx.store import SignedVersion, TxStore
from ceos.chain.tx.types import TxRequest, TxStatus
from ceos.chain.x402.policy import PaymentOffer
from ceos.chain.x402.store import PaidResponse, PaymentPlan, PaymentReservation, PaymentStore, PurchaseStatus
from ceos.clients.http.rate_limit import RateLimiter
from ceos.clients.neynar.types import FeedCast
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.lifecycle import FINAL, RunStatus, Stage
from ceos.domain.posts import Cast, Draft, Kind, Part
from ceos.domain.runs import Run
from ceos.domain.topics import Relevance, Trend
from ceos.errors import InvalidInput, NotFound, StaleLease
from ceos.evm.types import Fees
from ceos.operations.casts import delete_casts
from ceos.operations.drafts import edit_draft
from ceos.runs.deferral import PublishingHalted
from ceos.runs.lease import Lease, idempotency_key
from ceos.runs.ledger import KEEP_DEAD_SECONDS, KEEP_SECONDS, MAX_DELIVERIES, Fire, Ledger, Renewer
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database
from ceos.storage.runs import RunStore
from ceos.supervisor import wait_until
from ceos.testing import FakeRuntime
from ceos.trends.store import ClaimedTrend

SLOT = 1_772_445_600_000


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime with one agent, ada."""
    fake_runtime.apply()
    return fake_runtime


@pytest.fixture
def ledger(fake: FakeRuntime) -> Ledger:
    """The ledger of a first worker process."""
    return fake.runtime.ledger


@pytest.fixture
def other(fake: FakeRuntime) -> Ledger:
    """The ledger of a second worker process."""
    return Ledger(fake.runtime.database)


def make_draft(*texts: str) -> Draft:
    return Draft(kind=Kind.ORIGINAL, topic="clocks", parts=tuple(Part(text=text) for text in texts or ("tick",)))


def make_cast(ledger: Ledger, **overrides: Any) -> Cast:
    return Cast(**{"hash": "0xabc", "text": "tick", "part": 0, "at": "2026-03-02T09:00:00Z", **overrides})


def take(ledger: Ledger, run: str, stage: Stage = Stage.WRITE, token: str | None = None) -> Lease:
    lease = ledger.begin_stage(run, stage, token)
    assert lease is not None, f"{run} could not be taken for {stage}"
    return lease


def record_of(ledger: Ledger, run: str) -> Run:
    return RunStore(ledger.database).run(run)


def lapse(database: Database, run: str) -> None:
    """Have the lease of a run end a moment ago."""
    database.client.hset(f"ceos:run:{run}", "lease", "1")
    database.client.zadd("ceos:open", {run: 1})


def open_runs(database: Database) -> dict[str, float]:
    return dict(database.client.zrange("ceos:open", 0, -1, withscores=True))  # type: ignore[arg-type]


# Who may drive a run


def test_two_workers_begin_the_same_run_and_one_gets_it(ledger: Ledger, other: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    assert ledger.begin_stage(run, Stage.WRITE) is not None
    assert other.begin_stage(run, Stage.WRITE) is None


def test_of_many_threads_that_begin_a_run_exactly_one_gets_it(ledger: Ledger) -> None:
    runs = [ledger.create_run("ada", "a")] * 24
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda run: ledger.begin_stage(run, Stage.WRITE), runs))
    assert len([lease for lease in leases if lease]) == 1


def test_the_same_token_gets_the_same_fence_and_costs_one_delivery(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    first, again = take(ledger, run, token="t"), take(ledger, run, token="t")
    assert first.fence == again.fence == "1"
    assert record_of(ledger, run).deliveries == 1


def test_a_lapsed_lease_is_taken_over_and_the_first_worker_is_refused_before_it_can_send(
    ledger: Ledger, other: Ledger
) -> None:
    # Given a worker that is about to publish
    run = ledger.create_run("ada", "a", draft=make_draft())
    first = take(ledger, run, Stage.PUBLISH)
    # When it sleeps past its lease and another takes over
    lapse(ledger.database, run)
    second = take(other, run, Stage.PUBLISH)
    # Then only the second may send
    assert int(second.fence) > int(first.fence)
    with pytest.raises(StaleLease):
        ledger.record_sending(first, 0)
    other.record_sending(second, 0)


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger, lease: ledger.record_sending(lease, 0),
        lambda ledger, lease: ledger.record_sent(lease, 0, "0xabc"),
        lambda ledger, lease: ledger.record_unsent(lease, 0, counts=True),
        lambda ledger, lease: ledger.advance_run(lease, RunStatus.ILLUSTRATED, make_draft("other words")),
        lambda ledger, lease: ledger.defer_run(lease, 0, "again"),
        lambda ledger, lease: ledger.finish_run(lease, RunStatus.FAILED, "no"),
    ],
    ids=["sending", "sent", "unsent", "advance", "retry", "finish"],
)
def test_every_write_of_a_worker_that_lost_its_lease_is_refused_and_changes_nothing(
    ledger: Ledger, other: Ledger, write: Callable[[Ledger, Lease], None]
) -> None:
    run = ledger.create_run("ada", "a", draft=make_draft())
    first = take(ledger, run, Stage.PUBLISH)
    lapse(ledger.database, run)
    take(other, run, Stage.PUBLISH)
    before = snapshot(ledger.database)
    with pytest.raises(StaleLease):
        write(ledger, first)
    assert snapshot(ledger.database) == before


def test_a_part_with_its_hash_is_never_sent_again(ledger: Ledger) -> None:
    lease = take(ledger, ledger.create_run("ada", "a", draft=make_draft()), Stage.PUBLISH)
    ledger.record_sending(lease, 0)
    ledger.record_sent(lease, 0, "0xabc")
    with pytest.raises(StaleLease):
        ledger.record_sending(lease, 0)


@pytest.mark.parametrize("stop", ["pause", "remove", "panic"])
def test_nothing_leaves_once_the_operator_has_stopped_it(fake: FakeRuntime, ledger: Ledger, stop: str) -> None:
    lease = take(ledger, ledger.create_run("ada", "a", draft=make_draft()), Stage.PUBLISH)
    if stop == "panic":
        fake.runtime.ops.set_panic("stop everything")
    else:
        getattr(fake.runtime, stop)("ada")
    with pytest.raises(PublishingHalted):
        ledger.record_sending(lease, 0)


def test_a_worker_cannot_take_a_run_for_a_stage_it_is_not_in(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    for stage in (Stage.ILLUSTRATE, Stage.PUBLISH, Stage.MEASURE):
        assert ledger.begin_stage(run, stage) is None
    assert record_of(ledger, run).deliveries == 0


def test_a_run_that_never_was_is_nothing_to_do(ledger: Ledger) -> None:
    assert ledger.begin_stage("ada:m:nobody", Stage.WRITE) is None


# Leases


def test_renewing_extends_what_is_held_and_nothing_else(ledger: Ledger, other: Ledger) -> None:
    # Given one run held by this process and one that it lost to another
    mine, lost = ledger.create_run("ada", "a", draft=make_draft()), "ada:m:b"
    ledger.create_run("ada", "b", draft=make_draft())
    held = take(ledger, mine, Stage.PUBLISH)
    ledger.database.client.hset(f"ceos:run:{mine}", "lease", "1")
    ledger._held[lost] = "7"
    before = open_runs(ledger.database)
    # When the leases are renewed
    assert ledger.renew_leases() == [lost]
    # Then the held one lasts again, and the other is untouched
    lease_until = AgentStore(ledger.database).agent_statuses(["ada"])[0].lease_until
    assert lease_until is not None
    assert lease_until.timestamp() * 1000 >= ledger.now_ms() + 50_000
    assert open_runs(ledger.database)[lost] == before[lost]
    ledger.record_sending(held, 0)
    assert ledger.renew_leases() == [], "what was lost once is not asked for again"


def test_a_worker_that_lost_its_run_does_not_renew_it_for_its_successor(ledger: Ledger, other: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    take(ledger, run)
    lapse(ledger.database, run)
    take(other, run)
    ledger.database.client.hset(f"ceos:run:{run}", "lease", "1")
    assert ledger.renew_leases() == [run]
    assert ledger.database.client.hget(f"ceos:run:{run}", "lease") == "1"
    assert other.renew_leases() == []
    assert ledger.database.client.hget(f"ceos:run:{run}", "lease") != "1"


def test_a_finished_stage_is_not_renewed_any_more(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    with ledger.hold_lease(take(ledger, run)):
        assert ledger.renew_leases() == []
    lapse(ledger.database, run)
    ledger.renew_leases()
    assert open_runs(ledger.database)[run] == 1


def test_the_renewer_keeps_a_lease_alive_while_its_worker_waits_for_a_slow_service(ledger: Ledger) -> None:
    # Given a worker with a short lease, waiting
    quick = Ledger(ledger.database, lease_seconds=0.2)
    run = quick.create_run("ada", "a")
    lease = take(quick, run)
    client: Any = ledger.database.client
    first = int(client.hget(f"ceos:run:{run}", "lease"))
    renewer = Renewer(quick)
    renewer.start()
    # When several leases have passed
    try:
        assert wait_until(lambda: ledger.now_ms() > first + 300, 60)
        # Then it still has the run
        assert ledger.begin_stage(run, Stage.WRITE) is None
        quick.record_sending(lease, 0)
    finally:
        renewer.stop()
        renewer.join(60)
    assert not renewer.is_alive()


def test_what_is_handed_back_at_shutdown_is_driven_at_once_by_another(ledger: Ledger, other: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    first = take(ledger, run)
    ledger.release_leases()
    assert [call[0] for call in other.claim_due_runs()] == [run]
    assert int(take(other, run).fence) > int(first.fence)
    ledger.release_leases()
    assert other.begin_stage(run, Stage.WRITE) is None, "a second hand-back leaves the other worker's lease alone"


# One run of an agent at a time


def test_runs_of_one_agent_are_driven_one_at_a_time_in_the_order_they_were_opened(ledger: Ledger) -> None:
    # Given three posts for one agent
    first, second, third = (ledger.create_run("ada", key) for key in "abc")
    assert [run for run, _ in ledger.claim_due_runs()] == [first, second, third]
    # When a worker holds the first, the others wait
    lease = take(ledger, first)
    assert ledger.begin_stage(second, Stage.WRITE) is None
    assert ledger.begin_stage(third, Stage.WRITE) is None
    assert ledger.claim_due_runs() == []
    # Then the end of each calls the next
    for following in (second, third):
        ledger.finish_run(lease, RunStatus.MISSED, "quiet")
        assert ledger.claim_due_runs() == [(following, Stage.WRITE)]
        lease = take(ledger, following)


def test_a_worker_that_is_faster_with_the_second_run_leaves_the_first_its_turn(ledger: Ledger) -> None:
    first, second = ledger.create_run("ada", "a"), ledger.create_run("ada", "b", draft=make_draft())
    assert ledger.begin_stage(second, Stage.PUBLISH) is None
    ledger.finish_run(take(ledger, first), RunStatus.MISSED, "quiet")
    assert ledger.claim_due_runs() == [(second, Stage.PUBLISH)]
    take(ledger, second, Stage.PUBLISH)


def test_a_run_that_waits_for_its_next_try_keeps_its_agent(ledger: Ledger) -> None:
    first, second = ledger.create_run("ada", "a"), ledger.create_run("ada", "b")
    ledger.defer_run(take(ledger, first), 3600, "busy")
    assert ledger.begin_stage(second, Stage.WRITE) is None


def test_two_agents_do_not_wait_for_each_other(fake: FakeRuntime, ledger: Ledger) -> None:
    fake.apply(id="ben", fid=1002)
    assert ledger.begin_stage(ledger.create_run("ada", "a"), Stage.WRITE) is not None
    assert ledger.begin_stage(ledger.create_run("ben", "a"), Stage.WRITE) is not None


def test_progress_gives_the_next_stage_all_its_attempts_and_deferrals(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    for uses in ("try", "wait"):
        ledger.defer_run(take(ledger, run), 0.0, "busy", uses=uses)  # type: ignore[arg-type]
    writing = take(ledger, run)
    assert (writing.tries, writing.deferrals, writing.deliveries) == (1, 1, 1)
    ledger.advance_run(writing, RunStatus.ILLUSTRATED, make_draft())
    publishing = take(ledger, run, Stage.PUBLISH)
    assert (publishing.tries, publishing.deferrals, publishing.deliveries) == (0, 0, 1)
    assert ledger.database.client.hget(f"ceos:run:{run}", "why") is None


# Giving up


def test_a_run_that_brings_its_workers_down_is_given_up_after_twenty_deliveries(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a", draft=make_draft())
    for _ in range(MAX_DELIVERIES):
        last = take(ledger, run, Stage.PUBLISH)
        lapse(ledger.database, run)
    assert ledger.begin_stage(run, Stage.PUBLISH) is None
    record = record_of(ledger, run)
    assert record.status == "failed"
    assert f"given up after {MAX_DELIVERIES} deliveries" in record.reason
    assert RunStore(ledger.database).dead() == [run]
    with pytest.raises(StaleLease):
        ledger.record_sending(last, 0)


def test_a_thread_that_brings_its_workers_down_after_its_first_part_is_partial(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a", draft=make_draft())
    lease = take(ledger, run, Stage.PUBLISH)
    ledger.record_sending(lease, 0)
    ledger.record_sent(lease, 0, "0x01")
    lapse(ledger.database, run)
    for _ in range(MAX_DELIVERIES):
        take(ledger, run, Stage.PUBLISH)
        lapse(ledger.database, run)
    assert ledger.begin_stage(run, Stage.PUBLISH) is None
    assert record_of(ledger, run).status == "partial"


def test_a_run_that_is_put_off_in_good_order_is_never_poison(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a", draft=make_draft())
    for _ in range(2 * MAX_DELIVERIES):
        ledger.defer_run(take(ledger, run, Stage.PUBLISH), 0, "Neynar answered 429", uses="wait")
    assert record_of(ledger, run).status == "publishing"


def test_a_run_whose_agent_was_removed_ends_at_its_next_step(fake: FakeRuntime, ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    fake.runtime.remove("ada")
    assert ledger.begin_stage(run, Stage.WRITE) is None
    record = record_of(ledger, run)
    assert (record.status, record.reason) == ("failed", "the agent was removed")
    assert open_runs(ledger.database) == {}


# The record


def finish_slot(ledger: Ledger, slot: int, text: str = "tick") -> str:
    ledger.database.client.hset("ceos:agent:ada", "slot", slot)
    (run,) = ledger.fire_slots([Fire("ada", slot, slot + 1, slot + 1, [slot], [])])
    ledger.advance_run(take(ledger, run), RunStatus.ILLUSTRATED, make_draft(text))
    lease = take(ledger, run, Stage.PUBLISH)
    ledger.record_sending(lease, 0)
    ledger.record_sent(lease, 0, "0xabc")
    ledger.finish_run(lease, RunStatus.PUBLISHED, draft=make_draft(text[:10]), casts=[make_cast(ledger)])
    return run


def test_a_published_run_shrinks_and_expires(ledger: Ledger) -> None:
    run = finish_slot(ledger, SLOT, "x" * 300)
    client = ledger.database.client
    assert 0 < client.ttl(f"ceos:run:{run}") <= KEEP_SECONDS
    assert 0 < client.ttl(f"ceos:draft:{run}") <= KEEP_SECONDS
    draft = record_of(ledger, run).draft
    assert draft is not None and draft.text == "x" * 10
    assert not {"token", "lease", "d"} & set(client.hkeys(f"ceos:run:{run}"))
    assert client.object("encoding", f"ceos:run:{run}") == "listpack"


def test_a_failed_run_can_be_resumed_for_a_week(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    ledger.finish_run(take(ledger, run), RunStatus.FAILED, "no")
    assert KEEP_SECONDS < ledger.database.client.ttl(f"ceos:run:{run}") <= KEEP_DEAD_SECONDS


def test_a_published_slot_never_opens_again_even_after_its_record_is_gone(ledger: Ledger) -> None:
    run = finish_slot(ledger, SLOT)
    client = ledger.database.client
    client.delete(f"ceos:run:{run}", f"ceos:draft:{run}")
    for slot in (SLOT, SLOT - 3_600_000):
        client.hset("ceos:agent:ada", "slot", slot)
        assert ledger.fire_slots([Fire("ada", slot, SLOT + 1, SLOT + 1, [slot], [])]) == []
    client.hset("ceos:agent:ada", "slot", SLOT + 1)
    assert ledger.fire_slots([Fire("ada", SLOT + 1, SLOT + 2, SLOT + 2, [SLOT + 1], [])]) == [f"ada:{SLOT + 1}"]


@pytest.mark.parametrize("status", sorted(FINAL))
@pytest.mark.parametrize("stage", list(Stage))
def test_no_duplicate_message_opens_a_finished_run_again(ledger: Ledger, status: RunStatus, stage: Stage) -> None:
    run = ledger.create_run("ada", "a")
    ledger.finish_run(take(ledger, run), status, "over")
    before = snapshot(ledger.database)
    assert ledger.begin_stage(run, stage) is None
    assert ledger.create_run("ada", "a") == run
    assert ledger.claim_due_runs() == []
    assert snapshot(ledger.database) == before


def test_the_same_key_is_the_same_post_and_no_other(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a", draft=make_draft("first"))
    assert ledger.create_run("ada", "a", draft=make_draft("first")) == run
    with pytest.raises(InvalidInput, match="The key 'a' belongs to 'ada:m:a', which is another post"):
        ledger.create_run("ada", "a", draft=make_draft("second"))
    draft = record_of(ledger, run).draft
    assert draft is not None and draft.text == "first"


def test_a_post_for_an_unknown_agent_names_the_known_ones(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match=r"No agent named 'eve'. Known: ada"):
        ledger.create_run("eve", "a")


def test_the_idempotency_key_is_the_same_for_a_part_and_different_everywhere_else() -> None:
    keys = [idempotency_key(run, part) for run in ("ada:1", "ada:2", "ben:1") for part in range(10)]
    assert len(set(keys)) == 30
    assert idempotency_key("ada:1", 0) == keys[0]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", key) for key in keys)


# Messages are only hints


def test_a_lost_message_is_sent_again_later_and_later(ledger: Ledger) -> None:
    # Given a run whose messages all vanish with the broker's queue
    run = ledger.create_run("ada", "a")
    waits = []
    for _ in range(9):
        assert ledger.claim_due_runs() == [(run, Stage.WRITE)]
        assert ledger.claim_due_runs() == [], "one call is enough for now"
        waits.append(round((open_runs(ledger.database)[run] - ledger.now_ms()) / ledger.lease_ms))
        ledger.database.client.zadd("ceos:open", {run: 0})
    # Then the waits double up to a bound, and a worker that comes at last sets them back
    assert waits[:3] == [1, 2, 4]
    assert all(1 <= later / earlier <= 2 for earlier, later in pairwise(waits))
    assert waits[-1] == waits[-2] <= 64
    ledger.advance_run(take(ledger, run), RunStatus.WRITTEN, make_draft())
    lapse(ledger.database, run)
    assert ledger.claim_due_runs() == [(run, Stage.ILLUSTRATE)]
    assert open_runs(ledger.database)[run] - ledger.now_ms() <= ledger.lease_ms


def test_a_message_lost_between_two_stages_is_sent_again(ledger: Ledger) -> None:
    run = ledger.create_run("ada", "a")
    ledger.claim_due_runs()
    ledger.advance_run(take(ledger, run), RunStatus.WRITTEN, make_draft())
    assert ledger.claim_due_runs() == [], "the message that was just sent gets its chance"
    lapse(ledger.database, run)
    assert ledger.claim_due_runs() == [(run, Stage.ILLUSTRATE)]


def test_many_schedulers_call_each_waiting_run_once(ledger: Ledger) -> None:
    runs = {ledger.create_run("ada", f"k{number}") for number in range(60)}
    with ThreadPoolExecutor(8) as pool:
        called = [run for calls in pool.map(lambda _: ledger.claim_due_runs(7), range(24)) for run, _ in calls]
    assert sorted(called) == sorted(runs)


#: Keys that last for a minute at most.
SHORT = ("ceos:pace:", "ceos:listeners", "ceos:casts:")

# Every script may be executed twice, because the client library may send it twice


def snapshot(database: Database) -> dict[str, Any]:
    """Return everything that is stored, with the moments around now made equal."""
    client: Any = database.client
    now = client.time()[0]
    readers: dict[str, Callable[[str], Any]] = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda key: client.lrange(key, 0, -1),
        "zset": lambda key: {member: int(score) for member, score in client.zrange(key, 0, -1, withscores=True)},
        "set": lambda key: sorted(client.smembers(key)),
        "none": lambda key: None,
    }
    found = {key: readers[client.type(key)](key) for key in sorted(client.keys("*"))}

    def soften(match: re.Match[str]) -> str:
        return "(about now)" if abs(int(match[0]) / 1000 - now) < 7200 else match[0]

    softened: dict[str, Any] = json.loads(re.sub(r"\b\d{13}\b", soften, json.dumps(found)).replace("(about now)", "0"))
    return softened


@pytest.fixture
def twice(fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Execute every script a second time with the same arguments and require that nothing changes; yields the names."""
    seen: set[str] = set()
    database = fake.runtime.database
    once = database.run_script

    def run_twice(name: str, *args: Any) -> Any:
        answer = once(name, *args)
        before = snapshot(database)
        once(name, *args)
        after = snapshot(database)
        # A key of a few seconds may run out between the two.
        short_lived = {
            key for key in before if before[key] is None or (after.get(key) is None and key.startswith(SHORT))
        }
        kept = {key: value for key, value in before.items() if key not in short_lived}
        assert {key: after[key] for key in after if key not in short_lived} == kept, f"{name}{args} changed something"
        seen.add(name)
        return answer

    monkeypatch.setattr(database, "run_script", run_twice)
    yield seen


def trade(database: Database) -> None:
    """Two purchases, of which one is given up, and four payments of buyers, each with another end."""
    payments, account = PaymentStore(database), "0x" + "11" * 20
    plan = PaymentPlan(
        host="shop.example.org", url="https://shop.example.org/", url_digest="", agent="ada", account=account,
        version=2, offer=PaymentOffer(2, "exact", "", "", "5", "", 60), resource=None, pay_to=account, amount=5,
        usd=Decimal("0.000005"), valid_before=0, nonce="0x" + "22" * 32,
    )  # fmt: skip
    reservation = PaymentReservation("20260302", 5, 100, 50)
    bought, given_up = (payments.open_purchase(name, name, plan, reservation) for name in ("pay/1", "pay/2"))
    payments.move_purchase(bought, PurchaseStatus.SIGNED, come_from=[PurchaseStatus.RESERVED], sig="0xab")
    payments.move_purchase(given_up, PurchaseStatus.EXPIRED, come_from=[PurchaseStatus.RESERVED])
    assert payments.spent_on("20260302") == {"total": 5, "a:ada": 5}
    for number, ends in enumerate((["verified", "answered", "settled"], ["failed", "free"], ["drop"], ["free"])):
        assert payments.claim_payment(f"eip155:1:me:{number}", "this", "me", 60_000, 3).state == "taken"
        for end in ends:
            answer = PaidResponse(status=200, content_type="", body=b"gm")
            assert payments.record_sale(
                f"eip155:1:me:{number}", "me", end, response=answer if end == "answered" else None
            )
    assert payments.claim_payment("eip155:1:me:0", "this", "you", 60_000, 3).state == "settled"
    assert payments.claim_payment("eip155:1:me:0", "that", "you", 60_000, 3).state == "other"


def hear_others(fake: FakeRuntime) -> None:
    """What agents hear, beside their schedules: trends and mentions; and the correction of stored numbers."""
    runtime = fake.runtime
    runtime.migrate()
    # Trends: a look, and one that is taken up
    fake.apply(id="dan", fid=1004, trends={"posts_per_day": 1}, schedule={"cron": "0 0 1 1 *"})
    fake.drive()
    at = fake.clock.now()
    trend = Trend(slug="night_trains", name="Night trains", score=9, strength=1, at=at, since=at, authors=2)
    relevant = ClaimedTrend(trend=trend, relevance=Relevance(value=1, reason="because", by="words"))
    for answer in ("opened", "taken"):
        fake.clock.advance(seconds=1)
        assert runtime.trend_store.open_trend_run(runtime.agents.agent("dan"), relevant, fake.clock.now())[1] == answer
    runtime.trend_store.ask_for_bids(["dan"])
    assert runtime.trend_store.save_bid("dan", {"night_trains": relevant.relevance}) == runtime.trend_store.bids()
    # Mentions: looked for, taken, and the limit on requests
    eve = fake.apply(id="eve", fid=1005, engagement={"enabled": True}, schedule={"cron": "0 0 1 1 *"})
    cast = {"hash": "0x" + "e" * 40, "timestamp": fake.clock.now() + dt.timedelta(minutes=1), "author": {"fid": 77}}
    assert runtime.mention_poller.receive_cast(eve, FeedCast.model_validate(cast), "mention") == "opened"
    # Reacting to them: each limit, and a cast that another agent has claimed
    claims, mention = runtime.mention_store, runtime.mention_store.mention(f"eve:r:{cast['hash']}")
    assert mention is not None
    assert [claims.claim_mention(eve, mention, what, fake.clock.now()) for what in ("answer", "like")] == [None, None]
    refusal = claims.claim_mention(runtime.agents.agent("dan"), mention, "answer", fake.clock.now())
    assert refusal is not None and refusal.by == "eve"
    runtime.database.client.zadd("ceos:listen", {"eve": 1})
    RateLimiter(runtime.database, 60, "neynar")()
    fake.drive()


def send_transactions(database: Database) -> None:
    """One transaction that is replaced and settled, one that waits for nobody, and what a day's limit refuses."""
    transactions, account = TxStore(database), "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    quote = Quote(21_000, Fees(base_fee=1, priority=1, max_fee=3), 0)

    def signed(number: int, amount: int) -> SignedVersion:
        cap = Cap("eth-per-day", "gwei", amount, 10, "value-per-day")
        return SignedVersion("0xab", f"0x{number:064x}", amount * 10**9, (cap,), quote)

    first, second, third = (
        transactions.create_tx(TxRequest(chain_id=8453, to=account, value=value), f"key {value}", account, "")
        for value in (1, 2, 3)
    )
    assert transactions.store_signed(first, 0, 0, signed(1, 4), "2026-03-02") == "signed"
    assert transactions.store_signed(second, 0, 0, signed(2, 4), "2026-03-02") == "nonce 1"
    assert transactions.store_signed(second, 1, 0, signed(3, 7), "2026-03-02") == "cap eth-per-day"
    first = transactions.tx(first.id)
    assert transactions.store_replacement(first, signed(4, 5)) == "signed"
    assert transactions.store_replacement(first, signed(5, 6)) == "changed"
    transactions.set_status(transactions.tx(first.id), TxStatus.FINAL)
    assert transactions.spent_on("2026-03-02") == {"eth-per-day": 5}
    transactions.set_status(third, TxStatus.REJECTED, "no")
    assert database.run_script("chain_due", 5, 1000) == [second.id]


def measure_now(client: Any) -> None:
    """Make all measurements due."""
    for run_id in client.zrange("ceos:measure", 0, -1):
        client.zadd("ceos:measure", {run_id: 0})


def take_and_keep(ledger: Ledger, run_id: str) -> None:
    """Begin a stage of a run and store its draft before it has ended."""
    lease = take(ledger, run_id, Stage.PUBLISH)
    assert lease is not None and lease.draft is not None
    ledger.keep_draft(lease, lease.draft)


def follow_events(fake: FakeRuntime) -> None:
    """What is followed on chain: an event that is handed over, posted about, and taken back."""
    fake.apply(id="fay", fid=1006, schedule={"cron": "0 0 1 1 *"})
    event = ChainEvent(
        subscription="pings", id="0x1:0", contract="0x5FbDB2315678afecb367f032d93F642f64180aa3", name="Ping",
        args={"n": 1}, block=7, block_hash=f"0x{1:064x}", tx_hash=f"0x{2:064x}", index=0,
    )  # fmt: skip
    events = EventStore(fake.runtime.database)
    session = events.claim_session("pings", "print")
    assert session is not None
    session.start, session.next_block, session.checkpoint = 6, 6, Checkpoint(5, f"0x{5:064x}")
    events.save_session(session)
    events.begin_event(session, event, keep=True)
    pings = Subscription(name="pings", contract="pings", event="Ping", agents=("fay",), posts_per_day=1)
    assert len(fake.runtime.event_posts.open_runs(pings, event)) == 1
    session.checkpoint = Checkpoint(7, event.block_hash)
    events.save_session(session, floor=4)
    session.fork_block, session.next_block, session.checkpoint = 5, 6, Checkpoint(5, f"0x{5:064x}")
    events.save_session(session, above=5)
    events.begin_removal(session, events.newest_event(session))
    assert events.newest_event(session) == ""
    events.save_session(session, release=True)
    again = events.claim_session("pings", "print")
    assert again is not None
    assert (again.delivered, again.removed, again.checkpoint) == (1, 1, session.checkpoint)


def report_video(fake: FakeRuntime) -> None:
    """Have a webhook report the video of a post, which then does without it."""
    ledger = fake.runtime.ledger
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    lease = ledger.begin_stage(run_id, Stage.ILLUSTRATE)
    assert lease is not None
    ledger.record_video(lease, '{"key": "secret", "job": null}')
    assert ledger.report_video(run_id, "secret", "r-1") == "ok"
    ledger.record_video(lease, "")
    ledger.defer_run(lease, 0, "")
    fake.drive()


def review_drafts(fake: FakeRuntime) -> None:
    """Approve, edit, reject and expire drafts of another agent."""
    fake.apply(id="ben", fid=1002, approval="review")
    for verb in ("approve", "edit", "reject", "expire"):
        run = fake.post("ben", kind=Kind.ORIGINAL)
        if verb == "edit":
            edit_draft(fake.runtime, run.id, "Words of my own.")
        else:
            fake.runtime.ledger.decide(run.id, verb, "because")
    fake.drive()


@pytest.mark.slow
def test_every_script_executed_twice_changes_nothing_more(fake: FakeRuntime, twice: set[str]) -> None:
    """A day in the life of two agents, in which every script runs, each of them twice."""
    runtime, simulator = fake.runtime, fake.simulator
    # A thread with a lost answer, a 429 and a picture, fired by the schedule
    fake.apply(id="cleo", fid=1003, schedule={"cron": "0 * * * *", "jitter_seconds": 0})
    simulator.faults(neynar={"script": ["cut_after", "rate_limited"]})
    fake.clock.advance(minutes=2)
    fake.drive()
    fake.post(kind=Kind.MEDIA)
    report_video(fake)
    delete_casts(runtime, [fake.post(kind=Kind.THREAD).id])
    fake.drive()
    review_drafts(fake)
    hear_others(fake)
    trade(runtime.database)
    send_transactions(runtime.database)
    follow_events(fake)
    # Failures until the agent stops, then resume, retry and drop
    simulator.faults(neynar={"signers": "strict"})
    runs = [fake.post(text=f"This one fails, number {number}.") for number in range(3)]
    assert {run.status for run in runs} == {"failed"}
    runtime.resume("ada")
    runtime.ledger.decide(runs[0].id, "retry")
    runtime.ledger.decide(runs[1].id, "drop")
    # What skills keep and are told
    assert runtime.skill_store.keep_skill_note("ada", "notes", "key", '"value"', 100)
    assert runtime.skill_store.skill_note("ada", "notes", "key") == '"value"'
    assert not runtime.skill_store.keep_skill_note("ada", "notes", "other", "1" * 100, 100)
    assert runtime.metrics.measured_casts("ada") == []
    # Numbers of accounts
    runtime.measuring.count()
    # Who is who on chain
    place, account = "eip155:8453:0x1", "0x" + "11" * 20
    entry = Registration(agent="ada", registry_name=place, account=account, uri="https://x.example", token_id=0)
    assert IdentityStore(runtime.database).save_registration(entry, None)
    assert not IdentityStore(runtime.database).save_registration(entry.model_copy(update={"token_id": 1}), None)
    # Leases, limits, the operator
    take_and_keep(runtime.ledger, runs[0].id)
    runtime.ledger.renew_leases()
    runtime.ledger.release_leases()
    runtime.pause("ada")
    runtime.resume("ada")
    fake.apply(name="Ada Lovelace")
    runtime.remove("ada")
    fake.drive()
    measure_now(runtime.database.client)
    fake.drive()
    scripts = {path.name.removesuffix(".lua") for path in (resources.files("ceos.storage") / "lua").iterdir()}
    assert twice == scripts - {"lib", "fenced"}


def test_a_hundred_and_fifty_threads_can_work_on_runs_at_once(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    database, agents = fake_runtime.runtime.database, fake_runtime.runtime.agents
    barrier = threading.Barrier(150)

    def work(number: int) -> list[str]:
        barrier.wait(60)
        database.run_script("renew", 1000, f"ada:m:{number}", "1")
        return agents.agent_ids()

    with ThreadPoolExecutor(150) as pool:
        assert list(pool.map(work, range(150))) == [["ada"]] * 150
