"""Drafts that a person looks at first: parked, approved, edited, rejected, expired."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import pytest

from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.errors import DraftRejected, InvalidInput, NotFound
from ceos.operations.drafts import edit_draft
from ceos.testing import FakeRuntime


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime with one agent, ada, whose drafts wait for approval."""
    fake_runtime.apply(approval="review")
    return fake_runtime


def park(fake: FakeRuntime, kind: Kind = Kind.ORIGINAL) -> Run:
    run = fake.post(kind=kind)
    assert run.status == "review"
    return run


def judge(
    fake: FakeRuntime, run: Run, verb: Literal["approve", "reject", "expire", "retry", "drop"], reason: str = ""
) -> Run:
    """Say a word on a run, drive whatever follows, and return its record."""
    fake.runtime.ledger.decide(run.id, verb, reason)
    fake.drive()
    return fake.runtime.runs.run(run.id)


def texts(fake: FakeRuntime) -> list[str]:
    return [cast["text"] for cast in fake.casts()]


def test_a_draft_is_parked_with_its_words_and_nothing_is_published(fake: FakeRuntime) -> None:
    run = park(fake)
    assert fake.runtime.runs.parked() == [run.id]
    assert run.draft is not None and run.draft.text
    assert texts(fake) == []
    assert fake.runtime.ops.counts()["open"] == 0, "nobody is called for it"


def test_an_approved_draft_is_published_with_the_words_that_were_shown(fake: FakeRuntime) -> None:
    run = park(fake)
    assert run.draft is not None
    assert judge(fake, run, "approve").status == "published"
    assert texts(fake) == [run.draft.text]
    assert fake.runtime.runs.parked() == []


def test_a_picture_is_made_before_the_draft_is_shown(fake: FakeRuntime) -> None:
    run = park(fake, Kind.MEDIA)
    assert run.draft is not None
    (picture,) = run.draft.parts[0].embeds
    judge(fake, run, "approve")
    assert [embed["url"] for embed in fake.casts()[0]["embeds"]] == [picture]


def test_a_whole_thread_is_approved_at_once(fake: FakeRuntime) -> None:
    run = park(fake, Kind.THREAD)
    assert run.draft is not None
    judge(fake, run, "approve")
    assert texts(fake) == [part.text for part in run.draft.parts]


def test_a_text_of_the_operators_own_needs_no_approval(fake: FakeRuntime) -> None:
    assert fake.post(text="My own words.").status == "published"


# Editing


def test_an_edited_draft_is_published_with_the_operators_words(fake: FakeRuntime) -> None:
    run = park(fake)
    edited = edit_draft(fake.runtime, run.id, "Better words.\n---SPLIT---\nAnd more of them.")
    assert edited.status == "review", "an edit is no approval"
    assert edited.draft is not None and edited.draft.notes == ("edited by the operator",)
    judge(fake, run, "approve")
    assert texts(fake) == ["Better words.", "And more of them."]


def test_an_edit_that_would_not_pass_the_rules_says_so_to_the_reviewer(fake: FakeRuntime) -> None:
    run = park(fake)
    edited = edit_draft(fake.runtime, run.id, "Claim yours at clockdrop.pizza/claim today.")
    assert edited.draft is not None
    assert any("clockdrop.pizza" in note for note in edited.draft.notes)


def test_an_edit_keeps_the_picture(fake: FakeRuntime) -> None:
    run = park(fake, Kind.MEDIA)
    assert run.draft is not None
    edit_draft(fake.runtime, run.id, "A better caption.")
    judge(fake, run, "approve")
    (cast,) = fake.casts()
    assert cast["text"] == "A better caption."
    assert [embed["url"] for embed in cast["embeds"]] == list(run.draft.parts[0].embeds)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param(" \n ", "empty", id="blank"),
        pytest.param("Buy \U0001f680 tokens", "moon", id="a word the agent must avoid"),
        pytest.param("a" * 4000, "", id="more than ten parts of 320 bytes"),
        pytest.param("Hello [your name]", "placeholder", id="a placeholder"),
    ],
)
def test_an_edit_that_could_not_be_published_is_refused_and_changes_nothing(
    fake: FakeRuntime, text: str, complaint: str
) -> None:
    fake.apply(
        approval="review",
        persona={"bio": "An engineer.", "topics": ["clocks"], "avoid": ["tokens"] if complaint == "moon" else []},
    )
    run = park(fake)
    with pytest.raises(DraftRejected):
        edit_draft(fake.runtime, run.id, text)
    assert fake.runtime.runs.run(run.id).draft == run.draft


@pytest.mark.parametrize("sign", ["é", "\U0001f680", "漢"])
def test_an_edit_is_measured_in_bytes_and_split_where_it_must_be(fake: FakeRuntime, sign: str) -> None:
    run = park(fake)
    edited = edit_draft(fake.runtime, run.id, " ".join(f"{number}{sign * 8}" for number in range(30)))
    assert edited.draft is not None
    sizes = [len(part.text.encode()) for part in edited.draft.parts]
    assert len(sizes) > 1
    assert max(sizes) <= 320


def test_a_draft_that_is_not_parked_cannot_be_edited(fake: FakeRuntime) -> None:
    run = judge(fake, park(fake), "approve")
    with pytest.raises(InvalidInput, match=rf"Draft '{run.id}' is published, not in review; it cannot be edited"):
        edit_draft(fake.runtime, run.id, "Too late.")
    unwritten = fake.runtime.post("ada")
    with pytest.raises(InvalidInput, match="is planned; it has no text to edit"):
        edit_draft(fake.runtime, unwritten, "Too early.")


# Rejecting and expiring


def test_a_rejected_draft_ends_with_the_reason_and_counts_as_no_failure(fake: FakeRuntime) -> None:
    for _ in range(4):
        run = judge(fake, park(fake), "reject", "off topic")
        assert (run.status, run.reason) == ("rejected", "off topic")
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.failures) == ("sleeping", 0)
    assert (texts(fake), fake.runtime.runs.dead(), fake.runtime.runs.parked()) == ([], [], [])


def test_a_draft_expires_when_its_hours_are_over(fake: FakeRuntime) -> None:
    run = park(fake)
    expires = fake.runtime.database.client.zscore("ceos:review", run.id)
    hours = (expires - fake.runtime.ledger.now_ms()) / 3_600_000  # type: ignore[operator]
    assert 23.9 < hours <= 24
    fake.runtime.database.client.zadd("ceos:review", {run.id: 0})
    fake.drive()
    assert fake.runtime.runs.run(run.id).status == "expired"


# Words that come at the wrong time

ENDS = {"approve": "published", "reject": "rejected", "expire": "expired"}


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ["approve", "reject", "expire"])
def test_a_second_word_on_a_draft_says_what_became_of_it(
    fake: FakeRuntime, first: Literal["approve", "reject", "expire"], second: Literal["approve", "reject", "expire"]
) -> None:
    run = judge(fake, park(fake), first)
    past = {"approve": "approved", "reject": "rejected", "expire": "expired"}[second]
    words = f"Draft '{run.id}' is {ENDS[first]}, not in review; it cannot be {past}."
    with pytest.raises(InvalidInput) as refusal:
        fake.runtime.ledger.decide(run.id, second)
    assert str(refusal.value) == words
    assert len(texts(fake)) == (1 if first == "approve" else 0)


def test_an_approval_given_twice_publishes_once(fake: FakeRuntime) -> None:
    run = park(fake)
    fake.runtime.ledger.decide(run.id, "approve")
    with pytest.raises(InvalidInput, match="is approved, not in review"):
        fake.runtime.ledger.decide(run.id, "approve")
    fake.drive()
    assert len(texts(fake)) == 1


def test_a_parked_draft_is_neither_retried_nor_dropped(fake: FakeRuntime) -> None:
    run = park(fake)
    with pytest.raises(InvalidInput, match="is review, not failed or partial; it cannot be retried"):
        fake.runtime.ledger.decide(run.id, "retry")


def test_an_unknown_draft_is_not_found(fake: FakeRuntime) -> None:
    with pytest.raises(NotFound, match="No draft or run named 'ada:m:nobody'"):
        fake.runtime.ledger.decide("ada:m:nobody", "approve")


# The agent meanwhile


def test_the_agent_runs_its_next_slots_while_drafts_are_parked(fake: FakeRuntime) -> None:
    # Given an agent whose drafts nobody looks at
    for hour in (9, 10, 11):
        fake.clock.set(dt.datetime(2026, 3, 2, hour, tzinfo=dt.UTC))
        fake.drive()
    # Then each slot has a draft, and the agent is free
    first, second, third = fake.runtime.runs.parked()
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.run_id) == ("sleeping", "")
    # And the drafts may be judged in any order
    fake.runtime.ledger.decide(third, "approve")
    fake.runtime.ledger.decide(first, "reject", "no")
    fake.drive()
    fake.runtime.ledger.decide(second, "approve")
    fake.drive()
    statuses = [str(run.status) for run in fake.runtime.runs.runs([first, second, third])]
    assert statuses == ["rejected", "published", "published"]
    assert {cast["hash"] for cast in fake.casts()} == {
        hash for run in fake.runtime.runs.runs([second, third]) for hash in run.hashes
    }


def test_a_draft_approved_while_the_agent_works_on_another_waits_its_turn(fake: FakeRuntime) -> None:
    parked = park(fake)
    fake.simulator.faults(neynar={"script": ["rate_limited"], "retry_after": 90})
    busy = fake.runtime.post("ada", text="I was first.")
    fake.step()
    fake.runtime.ledger.decide(parked.id, "approve")
    fake.step()
    assert texts(fake) == []
    fake.drive()
    assert texts(fake)[0] == "I was first."
    assert {str(run.status) for run in fake.runtime.runs.runs([parked.id, busy])} == {"published"}


def test_a_draft_approved_while_the_agent_is_paused_goes_out_when_it_is_resumed(fake: FakeRuntime) -> None:
    run = park(fake)
    fake.runtime.pause("ada")
    assert judge(fake, run, "approve").status == "approved"
    fake.runtime.resume("ada")
    fake.step()
    assert fake.runtime.runs.run(run.id).status == "published"


def test_a_draft_whose_agent_was_removed_cannot_be_approved(fake: FakeRuntime) -> None:
    run = park(fake)
    fake.runtime.remove("ada")
    with pytest.raises(InvalidInput, match=r"The agent of 'ada:m:.*' was removed; apply its file again first"):
        fake.runtime.ledger.decide(run.id, "approve")
    assert fake.runtime.runs.parked() == [run.id], "it can still be read and rejected"
    assert judge(fake, run, "reject", "gone").status == "rejected"


def test_a_run_that_failed_before_its_review_is_retried_into_its_review(fake: FakeRuntime) -> None:
    """Retrying what failed is no approval."""
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    fake.runtime.database.client.hset(f"ceos:run:{run_id}", "deliv", 20)
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "failed"
    fake.runtime.ledger.decide(run_id, "retry")
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "review"
    assert texts(fake) == []
