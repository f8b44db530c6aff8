"""Casts and reactions that operators take back."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from helpers.conversations import ENGAGEMENT, cast, mention_ada, reactions, receive
from helpers.terminal import Terminal

from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.errors import InvalidInput, NotFound, RequestRefused
from ceos.operations.casts import delete_casts, unreact_casts
from ceos.storage.sketches import SketchStore
from ceos.testing import FakeRuntime

THREAD = "A clock drifts.\n---SPLIT---\nA bridge sways.\n---SPLIT---\nBoth are measured against the sun."
OLD_HASH = "0x" + "ab" * 20


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.apply()
    return fake_runtime


def deleted(fake: FakeRuntime) -> list[str]:
    """Return the hashes of the casts that were deleted, in order."""
    return [one["hash"] for one in fake.simulator.timeline() if one["what"] == "cast.deleted"]


def delete(fake: FakeRuntime, *names: str, **options: Any) -> list[Run]:
    """Delete casts and return the records of the runs that did it."""
    runs = delete_casts(fake.runtime, names, **options)
    fake.drive()
    return fake.runtime.runs.runs([run.id for run in runs])


def test_a_thread_is_deleted_with_its_last_part_first_and_the_record_says_who_and_why(
    fake: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    post = fake.post(text=THREAD)
    with caplog.at_level(logging.INFO, "ceos"):
        (run,) = delete(fake, post.id, reason="wrong figures")
    assert (run.status, run.reason) == ("retracted", "deleted 3 casts, by python: wrong figures")
    assert deleted(fake) == [hash for hash in reversed(post.hashes) if hash]
    told = [record for record in caplog.records if getattr(record, "event", "") == "operator.cast.delete"]
    assert [record.subject for record in told] == [post.id]  # type: ignore[attr-defined]
    assert fake.runtime.agents.agent_statuses(["ada"])[0].state == "sleeping"


def test_a_single_cast_is_deleted_by_its_hash(fake: FakeRuntime) -> None:
    first, second = fake.post(text="One clock."), fake.post(text="Two clocks.")
    assert first.hashes[0]
    (run,) = delete(fake, first.hashes[0].upper().replace("0X", "0x"))
    assert (run.status, deleted(fake)) == ("retracted", [first.hashes[0]])
    assert [one.hash for one in fake.runtime.runs.recent_casts("ada")] == list(second.hashes)


def test_a_deleted_cast_leaves_recent_texts_metrics_and_learning(fake: FakeRuntime) -> None:
    bad, good = fake.post(kind=Kind.ORIGINAL), fake.post(text="Two clocks.")
    runtime = fake.runtime
    for run in (bad, good):
        runtime.pipeline.measure(run.id)
    assert {record.slot for record in runtime.series.posts("ada")} == {bad.slot, good.slot}
    delete(fake, bad.id)
    assert runtime.runs.recent_texts("ada") == ["Two clocks."]
    assert runtime.metrics.cast_hashes(bad.id) == {}
    assert [record.slot for record in runtime.series.posts("ada")] == [good.slot]
    assert [one.text for one, _ in runtime.metrics.measured_casts("ada")] == ["Two clocks."]
    # A measurement that was due counts nothing any more
    runtime.pipeline.measure(bad.id)
    assert [record.slot for record in runtime.series.posts("ada")] == [good.slot]
    # The same text may be published again, by another agent too
    assert bad.draft is not None
    sketches = SketchStore(runtime.database)
    assert sketches.posts_of_others("ben", sketches.sketches([bad.draft.parts[0].text])[0]) == []
    assert fake.post(text=bad.draft.parts[0].text).status == "published"


def test_a_deleted_answer_is_not_shown_to_the_model_as_an_earlier_one(fake: FakeRuntime) -> None:
    fake.apply(engagement=ENGAGEMENT)
    answer = mention_ada(fake, "@ada how do you keep a pendulum steady?", fid=501)
    assert len(fake.runtime.mention_store.earlier_replies("ada", 501)) == 1
    delete(fake, answer.id)
    assert fake.runtime.mention_store.earlier_replies("ada", 501) == []


def test_the_parts_of_a_partial_thread_are_deleted_and_the_rest_is_not_published(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"script": ["ok", "ok"] + ["cut_before"] * 3})
    post = fake.post(text=THREAD)
    assert (post.status, fake.runtime.runs.dead()) == ("partial", [post.id])
    (run,) = delete(fake, post.id)
    assert (run.status, len(deleted(fake))) == ("retracted", 2)
    assert fake.runtime.runs.dead() == []


@pytest.mark.parametrize("stop", ["paused", "panic"])
def test_casts_are_deleted_while_the_agent_is_paused_but_not_while_all_is_halted(fake: FakeRuntime, stop: str) -> None:
    post = fake.post(text="One clock.")
    if stop == "paused":
        fake.runtime.pause("ada")
    else:
        fake.runtime.ops.set_panic("stop")
    (opened,) = delete_casts(fake.runtime, [post.id])
    fake.drive(rounds=3)
    assert len(deleted(fake)) == (1 if stop == "paused" else 0)
    if stop == "paused":
        assert fake.runtime.agents.agent_statuses(["ada"])[0].state == "paused"
    fake.runtime.ops.set_panic(None)
    fake.drive()
    assert (fake.runtime.runs.run(opened.id).status, len(deleted(fake))) == ("retracted", 1)


def test_a_deletion_neither_waits_for_a_post_nor_keeps_one_waiting(fake: FakeRuntime) -> None:
    first = fake.post(text="One clock.")
    waiting = fake.runtime.post("ada", text="Two clocks.")
    lease = fake.runtime.ledger.begin_stage(waiting, "publish")  # type: ignore[arg-type]
    assert lease is not None
    delete(fake, first.id)
    assert len(deleted(fake)) == 1
    fake.runtime.ledger.defer_run(lease, 0, "later")
    fake.drive()
    assert fake.runtime.runs.run(waiting).status == "published"


def test_a_cast_that_is_gone_already_counts_as_deleted(fake: FakeRuntime) -> None:
    post = fake.post(text="One clock.")
    assert [run.status for run in (*delete(fake, post.id), *delete(fake, post.hashes[0] or "", agent_id="ada"))] == [
        "retracted",
        "retracted",
    ]
    assert len(deleted(fake)) == 1


def test_a_refusal_of_unknown_words_counts_as_deleted_once_the_cast_is_gone(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = fake.post(text="One clock.")
    neynar, really = fake.runtime.neynar, fake.runtime.neynar.delete_cast

    def refuse(signer_uuid: str, hash: str) -> None:
        really(signer_uuid, hash)
        raise RequestRefused("Neynar answered 400.", status=400)

    def refuse_only(*_: str) -> None:
        raise RequestRefused("No.", status=400)

    monkeypatch.setattr(neynar, "delete_cast", refuse)
    assert delete(fake, post.id)[0].status == "retracted"
    second = fake.post(text="Two clocks.")
    monkeypatch.setattr(neynar, "delete_cast", refuse_only)
    (run,) = delete(fake, second.id)
    assert (run.status, run.reason) == ("failed", "No.")
    assert fake.runtime.agents.agent_statuses(["ada"])[0].failures == 0
    assert [one.text for one in fake.runtime.runs.recent_casts("ada")] == ["Two clocks."]


def test_a_cast_that_ceos_has_no_record_of_is_found_by_its_author(fake: FakeRuntime) -> None:
    post = fake.post(text="One clock.")
    client = fake.runtime.database.client
    client.delete("ceos:recent:ada", f"ceos:metrics:{post.id}", f"ceos:run:{post.id}")
    (run,) = delete(fake, post.hashes[0] or "")
    assert (run.status, run.agent_id, len(deleted(fake))) == ("retracted", "ada", 1)


def test_names_that_stand_for_no_cast_are_refused_and_nothing_is_deleted(fake: FakeRuntime) -> None:
    post = fake.post(text="One clock.")
    other = cast(fake, "Somebody else's.", fid=600)
    for name, words in {
        OLD_HASH: "There is no cast",
        other: "which is the account of no agent here",
        "ada:m:nothing": "No published casts of 'ada:m:nothing' are known",
        "eve:m:1": "No agent named 'eve'",
    }.items():
        with pytest.raises(NotFound, match=words):
            delete_casts(fake.runtime, [post.id, name])
    open_run = fake.runtime.post("ada", text="Two clocks.")
    with pytest.raises(InvalidInput, match="its casts can be deleted once it has ended"):
        delete_casts(fake.runtime, [open_run])
    with pytest.raises(InvalidInput, match="is not the hash of a cast"):
        unreact_casts(fake.runtime, ["ada"])
    for name in ("ada", "0x1234", "nonsense"):
        with pytest.raises(InvalidInput, match=f"'{name}' is neither the hash of a cast .* nor the id of a run"):
            delete_casts(fake.runtime, [name])
    fake.drive()
    assert deleted(fake) == []


@pytest.mark.parametrize("script", [["rate_limited"], []], ids=["busy", ""])
def test_a_like_is_taken_back(fake: FakeRuntime, script: list[str]) -> None:
    fake.apply(engagement=ENGAGEMENT)
    hash = cast(fake, "@ada thank you")
    receive(fake, hash)
    fake.drive()
    assert reactions(fake) == [("like", hash)]
    (opened,) = unreact_casts(fake.runtime, [hash], reason="not ours to like")
    fake.drive()
    run = fake.runtime.runs.run(opened.id)
    assert (run.status, run.reason) == ("retracted", "took back a reaction, by python: not ours to like")
    removed = [one for one in fake.simulator.timeline() if one["what"] == "like.removed"]
    assert [(one["fid"], one["hash"]) for one in removed] == [(1001, hash)]


def test_a_reaction_without_a_record_needs_the_name_of_the_agent(fake: FakeRuntime) -> None:
    hash = cast(fake, "A bridge.")
    fake.runtime.neynar.react("00000000-0000-4000-8000-000000001001", "recast", hash, 501, idem="x" * 16)
    with pytest.raises(NotFound, match="--agent names the one that did"):
        unreact_casts(fake.runtime, [hash])
    unreact_casts(fake.runtime, [hash], agent_id="ada")
    fake.drive()
    assert [one["hash"] for one in fake.simulator.timeline() if one["what"] == "recast.removed"] == [hash]


def test_the_commands_tell_what_they_do(fake: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> None:
    run = Terminal(capsys)
    post = fake.post(text="One clock.")
    told = run("cast", "delete", post.id, "--reason", "a typo")
    assert (told.code, told.out.endswith(" is lined up.\n")) == (0, True)
    assert "No worker is running" in told.err
    fake.drive()
    assert len(deleted(fake)) == 1
    assert f"taken back: {fake.runtime.runs.run(told.out.split()[0]).reason}\n" in run("draft", "show", post.id).out
    gone = run("cast", "delete", post.hashes[0] or "")
    assert (gone.code, "it may be deleted already" in gone.err) == (2, True)
    again = run("cast", "delete", post.id, "--json")
    assert set(json.loads(again.out)[0]) == {"agent", "draft", "status", "reason"}
    shown = run("draft", "show", told.out.split()[0])
    assert shown.code == 0 and "deleted 1 cast, by " in shown.out and "a typo" in shown.out
    assert run("cast", "unreact", OLD_HASH).code == 2
