"""Skills that fail, or may not run: the post goes out without them, and log and record say why. And plugins beside."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.skill_setup import Open, SkillSetup, outcomes, skill, skill_runs, skill_setups

from ceos.domain.agent import SkillUse
from ceos.domain.posts import Kind
from ceos.errors import SandboxUnavailable
from ceos.operations.posts import PostRequest, preview_post
from ceos.sandbox.executor import Sandbox, SandboxOutcome
from ceos.skills.loader import skill_of_text
from ceos.skills.session import MAX_FAILURES
from ceos.testing import make_agent

WRITTEN = "Clocks drift, so measure twice."


@pytest.fixture
def open_setup(tmp_path: Path, ceos_home: Path, ceos_simulator: Any) -> Iterator[Open]:
    with skill_setups(tmp_path, ceos_home, ceos_simulator) as open_setup:
        yield open_setup


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[logging.LogRecord]:
    """Return the records of an event."""
    return [entry for entry in caplog.records if getattr(entry, "event", "") == name]


# Whatever a skill does, the post goes out

#: What a skill does, the kinds of failure that may come of it, and words of the note in the record.
BAD = {
    "it raises": ("raise ValueError('out of ideas')", "error", "The skill failed in line 5: ValueError: out of ideas"),
    "it never ends": ("while True:\n    pass", "wall cpu", "0.3 s and was stopped"),
    "it hoards": ("return len([0] * (1 << 28))", "memory", "more than 32 MB of memory"),
    "it wants the system": ("import os\nreturn os.environ", "rejected", "line 5: "),
    "it asks for what it was not granted": ("return ctx.http_get('https://a.example/')", "rejected", "the grant http"),
    "it asks in a roundabout way": ("return getattr(ctx, 'http' + '_get')('https://a.example/')", "error", ""),
    "it returns no data": ("return {1, 2}", "error", "a value of type set, which is not plain data"),
    "it returns too much": ("return 'x' * 2_000_000", "output", "1,048,576 bytes"),
    "it returns half of a character": ("return '\\ud800'", "error", "half of a surrogate pair"),
    "it wants to leave": ("raise SystemExit(0)", "rejected", "return from run instead"),
    "it never comes back from itself": ("def f(n):\n    return f(n + 1)\nreturn f(0)", "error", "recursion"),
    "it talks without end": ("while True:\n    print('x' * 1000)", "wall cpu", "0.3 s and was stopped"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_post_goes_out_without_a_skill_that_fails(
    open_setup: Open, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, kinds, words = BAD[case]
    seconds = 0.3 if "wall" in kinds else 5
    bad = skill("bad", body, limits={"seconds": seconds, "memory_mb": 32})
    setup = open_setup(bad, skill("good", 'return "grey"'))
    with caplog.at_level(logging.WARNING, "ceos"):
        run = setup.post("ada", WRITTEN)
    assert (run.status, setup.texts()) == ("published", [WRITTEN])
    ran, good = skill_runs(run)
    assert ran.outcome in kinds.split(), ran
    assert words in ran.note
    assert (ran.version, ran.stage, good.outcome) == ("1.0", "context", "ok")
    (entry,) = logged(caplog, "skill.failed")
    assert (vars(entry)["skill"], vars(entry)["kind"]) == ("bad", ran.outcome)
    assert setup.fake.runtime.skill_store.skill_failures("ada") == {"bad": 1}


@pytest.mark.parametrize("stage", ["transform", "gate"])
def test_a_draft_stays_as_it_was_when_a_skill_fails_on_it(open_setup: Open, stage: str) -> None:
    setup = open_setup(skill("bad", "raise ValueError", stage), skills=[{"name": "bad", "on_failure": "pass"}])
    run = setup.post("ada", WRITTEN)
    assert (setup.texts(), outcomes(run)) == ([WRITTEN], {"bad": "error"})


def test_the_model_learns_that_its_tool_failed_but_not_the_reason(open_setup: Open) -> None:
    setup = open_setup(skill("bad", "raise ValueError('secret')", "tool"))
    setup.model.calls(("bad", {}))
    run = setup.post("ada", WRITTEN)
    assert setup.model.prompts[1][-1] == ("tool", '{"error": "the tool failed"}')
    assert (setup.texts(), outcomes(run)) == ([WRITTEN], {"bad": "error"})


def test_what_the_host_refuses_a_skill_is_in_the_record(open_setup: Open) -> None:
    body = """
    try:
        ctx.http_get("http://169.254.169.254/latest/meta-data/")
    except HostError:
        return "nothing"
    """
    setup = open_setup(skill("curious", body, grants={"http": {"hosts": ["example.org"]}}))
    run = setup.post("ada", WRITTEN)
    (ran,) = skill_runs(run)
    (call,) = ran.calls
    assert (ran.outcome, call.method, call.what) == ("ok", "http_get", "http://169.254.169.254/latest/meta-data/")
    assert call.refused


@pytest.mark.parametrize("ending", ["return None", "raise ValueError"])
def test_what_a_skill_says_is_in_the_record_whatever_becomes_of_it(open_setup: Open, ending: str) -> None:
    body = f"print('Looked up', 3, 'things.')\nctx.log('None fits.')\n{ending}"
    setup = open_setup(skill("chatty", body, grants={"log": True}))
    (ran,) = skill_runs(setup.post("ada", WRITTEN))
    assert ran.log == ("Looked up 3 things.", "None fits.")


# Failing again and again

#: Fails for Ada alone.
ADA_ONLY = skill("picky", 'if ctx.agent["name"] == "Ada":\n    raise ValueError("not for her")\nreturn "grey"')


def fail(setup: SkillSetup, times: int) -> None:
    for number in range(times):
        assert outcomes(setup.post("ada", _sentence(number))) == {"picky": "error"}


def _sentence(number: int) -> str:
    """Return a text that repeats none of the others."""
    words = ["anvil", "birch", "cedar", "dune", "ember", "fjord", "glade", "heron", "inlet", "jetty", "knoll", "larch"]
    return " ".join(words[(number * 7 + step) % 12] * (number + 1) for step in range(3)) + "."


def test_after_failures_in_a_row_a_skill_is_off_for_that_agent_until_it_is_forgiven(
    open_setup: Open, caplog: pytest.LogCaptureFixture
) -> None:
    # Given two agents with a skill that always fails for one of them
    setup = open_setup(ADA_ONLY)
    setup.apply(id="ben", name="Ben", fid=1002)
    # When it has failed five times in a row
    with caplog.at_level(logging.ERROR, "ceos"):
        fail(setup, MAX_FAILURES)
    assert len(logged(caplog, "skill.disabled")) == 1
    # Then the agent does without it, and is told how to change that
    (ran,) = skill_runs(setup.post("ada", "Bridges hum in the wind."))
    assert ran.outcome == "skipped"
    assert ran.note == (
        "it failed 5 times in a row and is switched off for this agent; 'ceos skill allow picky' switches it on again"
    )
    # And the other agent keeps it
    assert outcomes(setup.post("ben", "Rust never sleeps.")) == {"picky": "ok"}
    # When the operator forgives it, then it may try again
    setup.fake.runtime.skills.reset_failures("picky")
    assert outcomes(setup.post("ada", "A third thing altogether.")) == {"picky": "error"}


def test_one_success_forgets_the_failures_before(open_setup: Open) -> None:
    setup = open_setup(ADA_ONLY)
    fail(setup, MAX_FAILURES - 1)
    setup.apply(name="Grace")
    assert outcomes(setup.post("ada", "Bridges hum in the wind.")) == {"picky": "ok"}
    assert setup.fake.runtime.skill_store.skill_failures("ada") == {}


def test_a_tool_that_fails_twice_for_one_post_is_left_out_and_counts_once(open_setup: Open) -> None:
    setup = open_setup(skill("bad", "raise ValueError", "tool"))
    setup.model.calls(*[("bad", {})] * 4)
    run = setup.post("ada", WRITTEN)
    assert (setup.texts(), len(skill_runs(run))) == ([WRITTEN], 2)
    assert setup.fake.runtime.skill_store.skill_failures("ada") == {"bad": 1}
    assert setup.model.prompts[1][-1] == ("tool", '{"error": "there is no such tool"}')


class NoSandbox(Sandbox):
    """A sandbox on a system that does not give it what it needs."""

    def run(self, *_: Any, **__: Any) -> SandboxOutcome:
        raise SandboxUnavailable("The sandbox's mode 'strict' needs landlock, which this system does not have.")


def test_a_sandbox_that_cannot_start_is_no_skills_fault(open_setup: Open) -> None:
    setup = open_setup(skill("weather", 'return "grey"'), skill("loud", "return None", "transform"))
    setup.fake.runtime.sandbox = NoSandbox()
    run = setup.post("ada", WRITTEN)
    assert (setup.texts(), outcomes(run)) == ([WRITTEN], {"weather": "infrastructure", "loud": "infrastructure"})
    assert "needs landlock" in skill_runs(run)[0].note
    assert setup.fake.runtime.skill_store.skill_failures("ada") == {}


# Skills that may not run

TAKES_A_NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}


def test_a_skill_that_is_not_allowed_is_left_out(open_setup: Open, caplog: pytest.LogCaptureFixture) -> None:
    setup = open_setup(skill("weather", 'return "grey"'), allowed=False)
    with caplog.at_level(logging.WARNING, "ceos"):
        run = setup.post("ada", WRITTEN)
    (ran,) = skill_runs(run)
    assert (setup.texts(), ran.outcome) == ([WRITTEN], "skipped")
    assert ran.note == (
        "Skill 'weather' is not allowed yet; look at it with 'ceos skill show weather' and allow it with "
        "'ceos skill allow weather'."
    )
    assert len(logged(caplog, "skill.skipped")) == 1


def test_a_skill_that_changed_is_left_out(open_setup: Open) -> None:
    setup = open_setup(skill("weather", 'return "grey"'), allowed=False)
    before = skill_of_text(skill("weather", 'return "blue"'))
    assert before is not None
    setup.fake.runtime.skill_lock.allow(before)
    (ran,) = skill_runs(setup.post("ada", WRITTEN))
    assert (ran.outcome, "is not what was allowed: its source changed" in ran.note) == ("skipped", True)


@pytest.mark.parametrize(
    ("use", "note"),
    [
        pytest.param(
            SkillUse(name="tides"), "no skill named 'tides' is installed here", id="not installed on this machine"
        ),
        pytest.param(
            SkillUse(name="weather", params={"n": "many"}),
            "params.n: expected a whole number; got 'many'.",
            id="parameters of an older version",
        ),
    ],
)
def test_what_another_machine_accepted_is_left_out_where_it_does_not_fit(
    open_setup: Open, use: SkillUse, note: str
) -> None:
    setup = open_setup(skill("weather", 'return "grey"', params=TAKES_A_NUMBER))
    setup.fake.runtime.agents.save_agent(make_agent(skills=[use]), slot=None, fire=0, moves_slot=False)
    (ran,) = skill_runs(setup.post("ada", WRITTEN))
    assert (setup.texts(), ran.outcome, ran.note) == ([WRITTEN], "skipped", note)


def test_a_lock_file_that_cannot_be_read_allows_nothing_and_costs_no_post(open_setup: Open) -> None:
    setup = open_setup(skill("weather", 'return "grey"'))
    setup.fake.runtime.skill_lock.path.write_text("{")
    (ran,) = skill_runs(setup.post("ada", WRITTEN))
    assert (setup.texts(), ran.outcome) == ([WRITTEN], "skipped")
    assert "is not a lock file of skills" in ran.note


# Plugins beside them

#: A plugin that objects to exclamation marks and remembers what it was told.
WITNESS = """
    import ceos

    told = []

    @ceos.hookimpl
    def review_draft(agent, draft):
        if "!" in draft.text:
            return f"{agent.name} does not shout."

    @ceos.hookimpl
    def draft_created(agent, draft):
        told.append(("draft", agent, draft))

    @ceos.hookimpl
    def cast_published(agent, cast):
        told.append(("cast", agent, cast))
"""


def told() -> list[tuple[str, Any, Any]]:
    found: list[tuple[str, Any, Any]] = sys.modules["ceos_plugin_own"].told
    return found


def test_what_a_plugin_objects_to_goes_back_to_the_model_and_a_second_time_ends_the_run(open_setup: Open) -> None:
    setup = open_setup(plugin=WITNESS)
    assert setup.post("ada", "Clocks drift!", WRITTEN).status == "published"
    assert "Ada does not shout." in setup.model.prompts[1][-1][1]
    run = setup.post("ada", "Bridges hum!", "They hum so loud!")
    assert (run.status, run.reason) == ("failed", "the guardrails refused both versions: Ada does not shout.")
    assert setup.texts() == [WRITTEN]


def test_a_plugin_that_fails_to_review_keeps_the_draft_back(open_setup: Open) -> None:
    setup = open_setup(
        plugin="import ceos\n\n@ceos.hookimpl\ndef review_draft(agent, draft):\n    return draft.nothing\n"
    )
    run = setup.post("ada", WRITTEN, WRITTEN)
    assert (run.status, setup.texts()) == ("failed", [])
    assert "The plugin 'own' failed while it reviewed the draft: AttributeError" in run.reason


def test_plugins_receive_the_frozen_draft_and_each_cast(open_setup: Open) -> None:
    setup = open_setup(skill("loud", "return [part.upper() for part in ctx.draft]", "transform"), plugin=WITNESS)
    run = setup.post(
        "ada", "One is first.\n---SPLIT---\nTwo comes next.\n---SPLIT---\nThree ends it.", kind=Kind.THREAD
    )
    assert run.draft is not None
    agent = setup.fake.runtime.agents.agent("ada")
    (draft_told, *casts_told) = told()
    assert draft_told == ("draft", agent, run.draft)
    assert run.draft.skills[0].outcome == "ok"
    assert [(what, who) for what, who, _ in casts_told] == [("cast", agent)] * 3
    casts = [cast for _, _, cast in casts_told]
    assert [cast.text for cast in casts] == ["ONE IS FIRST.", "TWO COMES NEXT.", "THREE ENDS IT."]
    assert [cast.hash for cast in casts] == list(run.hashes)
    assert [cast.parent for cast in casts] == [None, *run.hashes[:2]]
    assert [cast.part for cast in casts] == [0, 1, 2]


def test_a_preview_is_reported_to_no_plugin(open_setup: Open) -> None:
    setup = open_setup(plugin=WITNESS)
    setup.model.says(WRITTEN)
    assert preview_post(setup.fake.runtime, PostRequest(agent_id="ada", kind=Kind.ORIGINAL)).text == WRITTEN
    assert told() == []


def test_a_rejected_draft_keeps_the_record_of_its_skills(open_setup: Open) -> None:
    setup = open_setup(skill("never", "return 'no'", "gate"))
    run = setup.post("ada", WRITTEN, WRITTEN)
    assert run.status == "failed"
    assert run.draft is not None
    assert run.draft.parts[0].text == WRITTEN
    assert [one.skill for one in run.draft.skills] == ["never", "never"]
    assert run.draft.cost_usd > 0
