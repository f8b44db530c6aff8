"""The table of operations: every action has a scope, and every change leaves an audit record."""

from __future__ import annotations

import logging

import pytest

from ceos.domain.posts import Kind
from ceos.errors import DraftRejected, InvalidInput, NotFound
from ceos.operations.agents import export_agents, list_agents, pause_agent
from ceos.operations.drafts import approve_draft, edit_draft, list_drafts, reject_draft
from ceos.operations.halt import halt_publishing, halt_reason, resume_publishing
from ceos.operations.media import MediaFile, upload_file
from ceos.operations.posts import PostRequest, create_post, preview_post
from ceos.operations.status import system_status
from ceos.operations.table import Caller, Scope, called_by, operation, operations
from ceos.simulator.fal.pixels import film
from ceos.testing import FakeRuntime

#: The scope of every operation that changes something or spends money.
CHANGES = {
    "cast.delete": Scope.POST,
    "cast.unreact": Scope.POST,
    "agent.apply": Scope.ADMIN,
    "agent.export": Scope.ADMIN,
    "agent.pause": Scope.ADMIN,
    "agent.resume": Scope.ADMIN,
    "agent.remove": Scope.ADMIN,
    "media.upload": Scope.POST,
    "post.create": Scope.POST,
    "post.preview": Scope.POST,
    "draft.approve": Scope.APPROVE,
    "draft.edit": Scope.APPROVE,
    "draft.reject": Scope.APPROVE,
    "dead.retry": Scope.ADMIN,
    "dead.drop": Scope.ADMIN,
    "halt.set": Scope.ADMIN,
    "halt.clear": Scope.ADMIN,
}


def audits(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str, str]]:
    """Return event, subject, interface and caller of the audit records so far."""
    found = [vars(record) for record in caplog.records if str(vars(record).get("event", "")).startswith("operator.")]
    return [(one["event"], one["subject"], one["interface"], one["caller"]) for one in found]


def test_the_table_names_every_operation_that_changes_something() -> None:
    assert {name: one.scope for name, one in operations().items() if one.scope is not Scope.READ} == CHANGES


def test_every_operation_has_a_summary() -> None:
    assert not [name for name, one in operations().items() if not one.summary.endswith((".", ":", ";", "?"))]


def test_a_name_is_registered_once() -> None:
    operations()
    with pytest.raises(ValueError, match=r"'agent\.pause' is registered twice"):
        operation("agent.pause", Scope.READ)(lambda: None)


def test_a_change_leaves_one_record_with_its_subject_and_its_caller(
    fake_runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    fake_runtime.apply()
    caplog.clear()
    with caplog.at_level(logging.INFO), called_by(Caller("cli", "lena")):
        assert pause_agent(fake_runtime.runtime, "ada")
    assert audits(caplog) == [("operator.agent.pause", "ada", "cli", "lena")]


def test_the_record_of_a_post_names_its_agent_and_not_its_text(
    fake_runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    fake_runtime.apply()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        create_post(fake_runtime.runtime, PostRequest(agent_id="ada", text="Clocks drift."))
    assert audits(caplog) == [("operator.post.create", "ada", "python", "")]
    assert "Clocks drift" not in caplog.text


def test_a_refused_change_and_a_read_leave_no_record(
    fake_runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    fake_runtime.apply()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        with pytest.raises(NotFound):
            pause_agent(fake_runtime.runtime, "nobody")
        with pytest.raises(NotFound):
            approve_draft(fake_runtime.runtime, "ada:m:none")
        list_agents(fake_runtime.runtime)
        system_status(fake_runtime.runtime)
    assert audits(caplog) == []


def test_the_same_key_is_the_same_post(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    request = PostRequest(agent_id="ada", text="Clocks drift.", key="k1")
    assert create_post(fake_runtime.runtime, request).id == create_post(fake_runtime.runtime, request).id == "ada:m:k1"


@pytest.mark.parametrize("key", ["", "a:b", "a b", "x" * 41])
def test_a_key_that_does_not_fit_into_an_id_is_refused(fake_runtime: FakeRuntime, key: str) -> None:
    fake_runtime.apply()
    with pytest.raises(InvalidInput, match="cannot be a post's key"):
        create_post(fake_runtime.runtime, PostRequest(agent_id="ada", text="Clocks drift.", key=key))


def test_a_preview_stores_nothing(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    draft = preview_post(fake_runtime.runtime, PostRequest(agent_id="ada", kind=Kind.ORIGINAL, text="Clocks drift."))
    assert draft.text == "Clocks drift."
    assert list_drafts(fake_runtime.runtime, every=True) == []
    with pytest.raises(DraftRejected):
        preview_post(fake_runtime.runtime, PostRequest(agent_id="ada", text=""))


def test_drafts_are_listed_by_agent_and_the_decision_removes_them(fake_runtime: FakeRuntime) -> None:
    runtime = fake_runtime.runtime
    for name in ("ada", "bob"):
        fake_runtime.apply(id=name, approval="review")
    ada, bob = fake_runtime.post("ada"), fake_runtime.post("bob")
    assert [run.id for run in list_drafts(runtime, ["bob"])] == [bob.id]
    assert edit_draft(runtime, bob.id, "My own words.").draft.text == "My own words."  # type: ignore[union-attr]
    reject_draft(runtime, bob.id, "off topic")
    assert runtime.runs.run(bob.id).reason == "off topic"
    assert [run.id for run in list_drafts(runtime)] == [ada.id]
    assert {run.id for run in list_drafts(runtime, every=True)} == {ada.id, bob.id}
    with pytest.raises(NotFound):
        list_drafts(runtime, ["nobody"])


def test_the_halt_has_a_reason_and_ends(fake_runtime: FakeRuntime) -> None:
    halt_publishing(fake_runtime.runtime, "a leaked key")
    assert halt_reason(fake_runtime.runtime) == system_status(fake_runtime.runtime).halted == "a leaked key"
    resume_publishing(fake_runtime.runtime)
    assert halt_reason(fake_runtime.runtime) is None


def test_an_export_hides_the_signer_unless_it_is_asked_for(fake_runtime: FakeRuntime) -> None:
    agent = fake_runtime.apply()
    assert agent.signer_uuid is not None
    assert agent.signer_uuid not in export_agents(fake_runtime.runtime, ["ada"])
    assert agent.signer_uuid in export_agents(fake_runtime.runtime, ["ada"], with_secrets=True)


def test_the_record_of_an_upload_names_the_file_and_not_its_bytes(
    fake_runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        upload_file(fake_runtime.runtime, MediaFile(name="a.mp4", kind="video", data=film()))
    assert audits(caplog) == [("operator.media.upload", "a.mp4", "python", "")]
