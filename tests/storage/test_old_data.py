"""Data that version 0.1.0 wrote is read by this version, and its unfinished work is finished.

`tests/data/stored_by_0.1.0.json` holds every key of a database that commit c657b1c filled, as [type, value]; times of
Redis's own clock are moved to November 2023, so that every lease in it has ended.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ceos.chain.erc8004.store import IdentityStore
from ceos.chain.events.store import EventStore
from ceos.chain.tx.store import TxStore
from ceos.chain.x402.store import PaymentStore
from ceos.domain.posts import Kind
from ceos.storage.ops import HookCount
from ceos.testing import FakeRuntime

DATA = Path(__file__).parents[1] / "data" / "stored_by_0.1.0.json"
#: When the old version stopped, by the schedule's clock.
STOPPED = dt.datetime(2026, 3, 2, 16, 3, tzinfo=dt.UTC)
WAITING = "eve:r:0x" + "e2" * 20
REGISTRY = "eip155:8453:0x1"


def load(client: Any) -> None:
    """Write the old data into an empty database."""
    writers: dict[str, Callable[[str, Any], Any]] = {
        "string": client.set,
        "hash": lambda key, value: client.hset(key, mapping=value),
        "list": lambda key, value: client.rpush(key, *value),
        "zset": lambda key, value: client.zadd(key, dict(value)),
        "set": lambda key, value: client.sadd(key, *value),
    }
    for key, (kind, value) in json.loads(DATA.read_text(encoding="utf-8")).items():
        if key.startswith("ceos:config:"):
            # All agents were stored with ada's signer, which writes for her account only.
            signer = f"00000000-0000-4000-8000-{json.loads(value)['fid']:012d}"
            value = value.replace("00000000-0000-4000-8000-000000001001", signer)  # noqa: PLW2901
        writers[kind](key, value)


@pytest.fixture
def old(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime of this version on the data of version 0.1.0."""
    load(fake_runtime.runtime.database.client)
    fake_runtime.clock.set(STOPPED)
    return fake_runtime


def test_agents_and_their_states_are_read(old: FakeRuntime) -> None:
    agents = old.runtime.agents
    assert agents.agent_ids() == ["ada", "ben", "cleo", "dan", "eve", "fay", "gil", "hal"]
    assert agents.agent("ada").name == "Ada"
    states = {one.agent_id: one for one in agents.agent_statuses(agents.agent_ids())}
    assert [str(states[name].state) for name in states] == [
        "sleeping", "sleeping", "error", "idle", "idle", "idle", "publishing", "paused",
    ]  # fmt: skip
    assert (states["ada"].missed, states["hal"].reason) == (5, "on holiday")
    assert states["ada"].next_slot == dt.datetime(2026, 3, 2, 17, tzinfo=dt.UTC)
    assert agents.history("hal")[0].reason == "on holiday"
    assert len(agents.missed("ada")) == 5
    assert agents.agents_of([1007]) == {1007: ["gil"]}


def test_runs_drafts_and_casts_are_read(old: FakeRuntime) -> None:
    runs = old.runtime.runs
    thread = runs.run("ada:m:thread")
    assert (thread.status, thread.kind, len(thread.hashes)) == ("published", Kind.THREAD, 3)
    assert None not in thread.hashes
    assert set(thread.hashes) <= {cast.hash for cast in runs.recent_casts("ada")}
    assert runs.parked() == ["ben:m:parked"]
    assert sorted(runs.dead()) == ["cleo:m:dead0", "cleo:m:dead1", "cleo:m:dead2"]
    parked = runs.run("ben:m:parked").draft
    assert parked is not None and parked.parts[0].text
    assert runs.spent("ada", "20260302") > 0
    assert {name: old.runtime.ops.counts()[name] for name in ("open", "review", "dead")} == {
        "open": 4, "review": 1, "dead": 3,
    }  # fmt: skip


def test_mentions_and_what_was_said_are_read(old: FakeRuntime) -> None:
    runtime = old.runtime
    mentions = runtime.mention_store
    answered, waiting = sorted(mentions.mention_runs("eve"), key=lambda run: run.status != "published")
    assert (answered.status, waiting.id, waiting.status) == ("published", WAITING, "planned")
    mention = mentions.mention(WAITING)
    assert mention is not None and mention.text == "@eve and a spring?"
    decision = mentions.decision(WAITING)
    assert decision is not None and decision.action == "answer"
    assert mentions.earlier_replies("eve", 501) == [runtime.runs.recent_texts("eve")[0]]
    refusal = mentions.claim_mention(runtime.agents.agent("dan"), mention, "answer", old.clock.now())
    assert refusal is not None and (refusal.obstacle, refusal.by) == ("claimed", "eve")
    cursor = mentions.cursor("eve")
    assert cursor is not None and (cursor.page_cursor, cursor.poll_count) == ("page2", 2)
    assert mentions.receive_mention("eve", mention, old.clock.now_ms()) == "known"


def test_trends_are_read(old: FakeRuntime) -> None:
    trends = old.runtime.trend_store
    look = trends.snapshot()
    assert look is not None and [trend.slug for trend in look.trends] == ["night_trains"]
    assert trends.agent_ids() == ["dan"]
    assert not trends.claim_question("dan", look)
    assert trends.relevances("dan")["night_trains"].reason == "because"
    ((_, taken),) = trends.recent_claims("dan", STOPPED - dt.timedelta(days=1))
    assert taken.trend.name == "Night trains"


def test_numbers_are_read(old: FakeRuntime) -> None:
    runtime = old.runtime
    points = runtime.series.hourly("ada")
    assert len(points) == 2 and all(counts.followers == 1558 for _, counts in points)
    assert [(post.slot, post.parts) for post in runtime.series.posts("ada")] == [
        ("1772442000000", 1), ("m:thread", 3), ("1772445600000", 5),
    ]  # fmt: skip
    assert runtime.series.tally("ada", [20514]) == {"published": 3, "missed": 5}
    (week,) = runtime.scoring.weeks("ada")
    assert week.score.total == 50.94
    assert sum(counts.replies for _, counts in runtime.metrics.measured_casts("ada")) == 6


def test_notes_failures_and_counters_are_read(old: FakeRuntime) -> None:
    skills = old.runtime.skill_store
    assert skills.skill_note("ada", "notes", "seen") == '["0xabc"]'
    assert skills.skill_failures("ada") == {"haiku": 2}
    assert old.runtime.ops.hook_counts()["haiku", "cast_published"] == HookCount(3, 1, 0.0015)


def test_what_happened_on_chain_is_read(old: FakeRuntime) -> None:
    database = old.runtime.database
    assert sorted(str(tx.status) for tx in TxStore(database).recent()) == ["final", "planned", "rejected"]
    assert TxStore(database).spent_on("2026-03-02") == {"eth-per-day": 5}
    assert sorted(str(record.status) for record in PaymentStore(database).recent_purchases()) == ["expired", "signed"]
    assert PaymentStore(database).spent_on("20260302") == {"total": 5, "a:ada": 5}
    entry = IdentityStore(database).registration(REGISTRY, "ada")
    assert entry is not None and entry.token_id == 7
    assert IdentityStore(database).anchors(REGISTRY, "ada")["2026-W09"].hash == "0x" + "ab" * 32
    events = EventStore(database)
    assert not events.record_fingerprint("pings", "print"), "it follows the same as before"
    session = events.claim_session("pings", "print")
    assert session is not None and (session.delivered, session.removed, session.next_block) == (1, 1, 6)


def test_unfinished_runs_are_finished(old: FakeRuntime) -> None:
    runtime = old.runtime
    old.drive()
    killed = runtime.runs.run("gil:m:killed")
    sent = [cast["text"] for cast in old.casts() if cast["text"] in ("First part.", "Second part.")]
    assert (killed.status, killed.hashes[0], sent) == ("published", "0x" + "99" * 20, ["Second part."])
    assert runtime.ops.counts()["open"] == 0
    assert all(run.status.is_final for run in runtime.runs.recent_runs("dan") + runtime.runs.recent_runs("fay"))
    assert runtime.runs.run(WAITING).status.is_final


def test_a_parked_draft_is_approved_and_a_failed_post_is_retried(old: FakeRuntime) -> None:
    runtime = old.runtime
    runtime.ledger.decide("ben:m:parked", "approve")
    runtime.resume("cleo")
    runtime.ledger.decide("cleo:m:dead0", "retry")
    old.drive()
    assert [runtime.runs.run(run).status for run in ("ben:m:parked", "cleo:m:dead0")] == ["published", "published"]


def test_a_finished_slot_stays_finished_and_the_next_one_is_fired(old: FakeRuntime) -> None:
    runtime = old.runtime
    client: Any = runtime.database.client
    # Given a database whose record of the last slot is gone while its agent points at that slot again
    client.delete("ceos:run:ada:1772467200000", "ceos:draft:ada:1772467200000")
    client.hset("ceos:agent:ada", "slot", "1772467200000")
    client.zadd("ceos:due", {"ada": 0})
    old.drive()
    assert runtime.runs.runs(["ada:1772467200000"]) == []
    # When the next slot comes
    old.clock.set(dt.datetime(2026, 3, 2, 17, 0, 30, tzinfo=dt.UTC))
    old.drive()
    assert runtime.runs.run("ada:1772470800000").status == "published"
