"""Gates fail closed: without their answer nothing is published, and the text is not written again for the next try."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.skill_setup import Open, skill, skill_runs, skill_setups

from ceos.domain.posts import Kind
from ceos.errors import GateFailed, SandboxUnavailable, SkillTimedOut
from ceos.operations.posts import PostRequest, preview_post
from ceos.sandbox import executor
from ceos.sandbox.executor import Sandbox, SandboxLimits, SandboxOutcome
from ceos.sandbox.processes import Child
from ceos.skills.session import MAX_FAILURES
from ceos.supervisor import wait_until

WRITTEN = "Clocks drift, so measure twice."
PASS = [{"name": "gate", "on_failure": "pass"}]
#: Ways of giving no answer, and words of the reason.
SILENT = {
    "it raises": ("raise ValueError('no')", "ValueError: no"),
    "it returns nonsense": ("return 17", "The skill returned"),
    "it wants the system": ("import os\nreturn None", "line 5"),
}


@pytest.fixture
def open_setup(tmp_path: Path, ceos_home: Path, ceos_simulator: Any) -> Iterator[Open]:
    with skill_setups(tmp_path, ceos_home, ceos_simulator) as open_setup:
        yield open_setup


def late(source: Any, error: Exception) -> Any:
    """Return a `Sandbox.run` in which every call of a source with these words ends with an error."""
    run = Sandbox.run

    def replaced(self: Sandbox, text: str, *args: Any, **options: Any) -> SandboxOutcome:
        if source in text:
            raise error
        return run(self, text, *args, **options)

    return replaced


@pytest.mark.parametrize("case", SILENT)
def test_a_gate_that_gives_no_answer_is_asked_three_times_and_ends_the_run(open_setup: Open, case: str) -> None:
    body, words = SILENT[case]
    setup = open_setup(skill("gate", body, "gate"))
    run = setup.post("ada", WRITTEN)
    assert (run.status, setup.texts()) == ("failed", [])
    assert run.reason.startswith("given up after 3 attempts: the gate 'gate' gave no answer: ")
    assert words in run.reason
    # One text was written for the three.
    assert (len(setup.model.asked), setup.model.unused) == (1, 0)
    assert [one.stage for one in skill_runs(run)] == ["gate"] * 3


def test_a_gate_that_hangs_lets_no_post_out(open_setup: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = open_setup(skill("gate", "return None", "gate"))
    monkeypatch.setattr(Sandbox, "run", late("gate", SkillTimedOut("The skill took longer than 2 s and was stopped.")))
    for _ in range(2):
        assert setup.post("ada", WRITTEN).status == "failed"
    assert setup.texts() == []
    # It is never switched off, so the first answer lets a post out again.
    assert setup.fake.runtime.skill_store.skill_failures("ada") == {}
    monkeypatch.undo()
    assert setup.post("ada", WRITTEN).status == "published"


def test_a_retry_by_command_asks_the_gate_and_not_the_model(open_setup: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = open_setup(skill("gate", "return None", "gate"))
    monkeypatch.setattr(Sandbox, "run", late("gate", SkillTimedOut()))
    run = setup.post("ada", WRITTEN)
    assert run.draft is not None
    assert (run.status, run.draft.text, run.draft.is_unchecked) == ("failed", WRITTEN, True)
    monkeypatch.undo()
    setup.fake.runtime.ledger.decide(run.id, "retry")
    setup.fake.drive()
    again = setup.fake.runtime.runs.run(run.id)
    assert (again.status, setup.texts(), len(setup.model.asked)) == ("published", [WRITTEN], 1)
    assert again.draft is not None and not again.draft.is_unchecked


def test_a_gate_may_be_left_out_if_the_agent_file_says_so(open_setup: Open) -> None:
    setup = open_setup(skill("gate", "raise ValueError", "gate"), skills=PASS)
    topics = ("Bridges sway.", "Brass grows in summer.", "Oil collects dust.", "A bell lags.", "Moss likes arches.")
    for number in range(MAX_FAILURES):
        assert setup.post("ada", topics[number]).status == "published"
    run = setup.post("ada", WRITTEN)
    (ran,) = skill_runs(run)
    assert (run.status, ran.outcome, "switched off" in ran.note) == ("published", "skipped", True)


def test_a_gate_that_was_switched_off_before_runs_again(open_setup: Open) -> None:
    setup = open_setup(skill("gate", "return None", "gate"))
    for _ in range(MAX_FAILURES):
        setup.fake.runtime.skill_store.count_skill_failure("ada", "gate")
    assert setup.post("ada", WRITTEN).status == "published"


def test_a_gate_that_may_not_run_ends_the_run_before_anything_is_paid(open_setup: Open) -> None:
    setup = open_setup(skill("gate", "return None", "gate"), allowed=False)
    run = setup.fake.post("ada", kind=Kind.ORIGINAL)
    assert (run.status, setup.texts(), setup.model.asked) == ("failed", [], [])
    assert run.reason.startswith("given up after 3 attempts: the gate 'gate' may not run: ")
    with pytest.raises(GateFailed, match="the gate 'gate' may not run"):
        preview_post(setup.fake.runtime, PostRequest(agent_id="ada", kind=Kind.ORIGINAL))


def test_a_text_waits_for_a_gate_while_the_machine_is_busy(open_setup: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = open_setup(skill("gate", "return None", "gate"))
    setup.model.says(WRITTEN)
    monkeypatch.setattr(Sandbox, "run", late("gate", SandboxUnavailable("The machine is too busy.")))
    run_id = setup.fake.runtime.post("ada", kind=Kind.ORIGINAL)
    for _ in range(5):
        setup.fake.step()
        setup.fake.wake()
    waiting = setup.fake.runtime.runs.run(run_id)
    assert (waiting.status, setup.texts()) == ("planned", [])
    assert waiting.reason == "the text waits for the gate 'gate': The machine is too busy."
    monkeypatch.undo()
    setup.fake.drive()
    assert (setup.texts(), len(setup.model.asked)) == ([WRITTEN], 1)


def test_the_violations_of_the_rules_and_of_a_gate_go_back_together(open_setup: Open) -> None:
    setup = open_setup(skill("gate", "return 'Too loud.' if '!' in ctx.draft[0] else None", "gate"))
    run = setup.post("ada", "Sure! Here's your post: gm!", WRITTEN)
    assert (run.status, setup.texts()) == ("published", [WRITTEN])
    asked = setup.model.prompts[1][-1][1]
    assert "Too loud." in asked
    assert "remark to the reader" in asked


def test_a_gate_that_fails_does_not_keep_a_refused_text_from_the_model(open_setup: Open) -> None:
    setup = open_setup(skill("gate", "if '!' in ctx.draft[0]:\n    raise ValueError\nreturn None", "gate"))
    assert setup.post("ada", "Sure! Here's your post: gm!", WRITTEN).status == "published"


# Time-outs on a busy machine


@pytest.mark.parametrize(
    ("ran", "waited", "error"),
    [(0.001, 0.19, SandboxUnavailable), (0.15, 0.19, SkillTimedOut), (0.001, 0.001, SkillTimedOut)],
)
def test_a_time_out_without_a_processor_is_not_the_fault_of_the_skill(
    monkeypatch: pytest.MonkeyPatch, ran: float, waited: float, error: type[Exception]
) -> None:
    numbers = {"before": (7.0, 7.0), "after": (7.0 + ran, 7.0 + waited)}
    seen: set[int] = set()

    def processor_seconds(self: Child) -> tuple[float, float]:
        first = id(self) not in seen
        seen.add(id(self))
        return numbers["before" if first else "after"]

    monkeypatch.setattr(Child, "processor_seconds", processor_seconds)
    monkeypatch.setattr(executor, "TRIES", 1)
    sandbox = Sandbox(spares=1)
    try:
        with pytest.raises(error):
            sandbox.run("def run(ctx, params):\n    while True:\n        pass\n", limits=SandboxLimits(seconds=0.2))
    finally:
        sandbox.close()


def test_linux_says_how_long_a_child_ran() -> None:
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this system does not say")
    sandbox = Sandbox(spares=1)
    try:
        sandbox.warm()
        child = sandbox._take(executor.time.monotonic() + 60)[1]
        # One that was forked just now may not have run yet.
        assert wait_until(lambda: child.processor_seconds()[0] > 0, 60)
        assert child.processor_seconds()[1] >= 0
        child.end()
    finally:
        sandbox.close()
    # A child that is gone has no numbers.
    assert child.processor_seconds() == (0.0, 0.0)


@pytest.mark.parametrize(("on_failure", "status"), [("stop", "failed"), ("pass", "published")])
def test_a_gate_that_is_not_installed_any_more_lets_no_post_out(open_setup: Open, on_failure: str, status: str) -> None:
    setup = open_setup(skill("gate", "return 'Too loud.'", "gate"))
    setup.apply(skills=[{"name": "gate", "on_failure": on_failure}])
    # As when its package was removed, or its manifest cannot be read any more
    del setup.fake.runtime.plugins._skills["gate"]
    says = [WRITTEN] if status == "published" else []
    run = setup.post("ada", *says)
    assert (run.status, len(setup.model.asked)) == (status, len(says))
    if status == "failed":
        assert "the gate 'gate' may not run: no skill named 'gate' is installed here" in run.reason
