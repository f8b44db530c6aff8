"""The agent's state machine: which changes are possible, what the history tells, and the way into and out of error."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from itertools import pairwise, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceos.domain.lifecycle import LEGAL, AgentState, RunStatus, Stage, is_legal
from ceos.domain.posts import Draft, Kind, Part
from ceos.runs.lease import Lease
from ceos.runs.ledger import MAX_FAILURES
from ceos.storage import connection
from ceos.storage.connection import Database
from ceos.testing import FakeRuntime

DRAFT = Draft(kind=Kind.ORIGINAL, topic="clocks", parts=(Part(text="tick"),))
STATES = list(AgentState)


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime with one agent, ada."""
    fake_runtime.apply()
    return fake_runtime


def put(fake: FakeRuntime, state: AgentState) -> None:
    fake.runtime.database.client.hset("ceos:agent:ada", "state", state)


def state(fake: FakeRuntime) -> AgentState:
    return fake.runtime.agents.agent_statuses(["ada"])[0].state


def path(fake: FakeRuntime) -> list[str]:
    """The states the agent went through, oldest first."""
    history = fake.runtime.agents.history("ada")[::-1]
    assert all(earlier.new == later.old for earlier, later in pairwise(history))
    return [str(item.new) for item in history]


def move(database: Database, new: AgentState) -> bool:
    """Ask the scripts' own `move` to change ada's state."""
    source = connection.script("measure")[1]
    library = source.removesuffix((resources.files("ceos.storage") / "lua" / "measure.lua").read_text())
    return bool(database.client.eval(f"{library}\nreturn move('ada', ARGV[1], '', 'a test')", 0, new))


def take(fake: FakeRuntime, run: str, stage: Stage) -> Lease:
    lease = fake.runtime.ledger.begin_stage(run, stage)
    assert lease is not None
    return lease


# The table


@pytest.mark.parametrize(("old", "new"), list(product(STATES, STATES)))
def test_the_scripts_allow_exactly_what_the_table_allows(fake: FakeRuntime, old: AgentState, new: AgentState) -> None:
    put(fake, old)
    assert move(fake.runtime.database, new) == is_legal(old, new)
    assert state(fake) == (new if is_legal(old, new) else old)
    expected = [(old, new)] if old != new and is_legal(old, new) else []
    assert [(item.old, item.new) for item in fake.runtime.agents.history("ada")] == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(st.sampled_from(STATES), max_size=30))
def test_whatever_is_wished_for_the_history_is_one_legal_chain(fake: FakeRuntime, wishes: list[AgentState]) -> None:
    client = fake.runtime.database.client
    put(fake, AgentState.IDLE)
    client.delete("ceos:history:ada")
    model = AgentState.IDLE
    for wish in wishes:
        allowed = wish == model or wish in LEGAL[model]
        assert move(fake.runtime.database, wish) == allowed
        model = wish if allowed else model
    history = fake.runtime.agents.history("ada")[::-1]
    assert state(fake) == model
    assert all(is_legal(item.old, item.new) and item.old != item.new for item in history)
    assert all(earlier.new == later.old for earlier, later in pairwise(history))


def test_every_state_can_be_left_and_paused() -> None:
    for one in STATES:
        assert LEGAL[one]
        assert one is AgentState.PAUSED or AgentState.PAUSED in LEGAL[one]


# The life of an agent


def test_an_agent_goes_through_a_post_and_back_to_sleep(fake: FakeRuntime) -> None:
    assert state(fake) == "idle"
    fake.post(kind=Kind.ORIGINAL)
    assert path(fake) == ["generating", "publishing", "sleeping"]
    fake.post(kind=Kind.ORIGINAL)
    assert path(fake)[3:] == ["idle", "generating", "publishing", "sleeping"]


def test_an_agent_that_publishes_given_words_never_generates(fake: FakeRuntime) -> None:
    fake.post(text="My own words.")
    assert path(fake) == ["publishing", "sleeping"]


def test_every_change_names_its_run_and_the_latest_comes_first(fake: FakeRuntime) -> None:
    run = fake.post(text="My own words.")
    history = fake.runtime.agents.history("ada")
    assert [(str(item.new), item.run_id) for item in history] == [("sleeping", run.id), ("publishing", run.id)]
    assert history[0].at >= history[1].at


def test_the_history_keeps_the_latest_fifty_changes(fake: FakeRuntime) -> None:
    for number in range(40):
        fake.runtime.pause("ada", f"pause {number}")
        fake.runtime.resume("ada")
    history = fake.runtime.agents.history("ada")
    assert len(history) == 50
    assert [item.reason for item in history[:4]] == ["resumed", "pause 39", "resumed", "pause 38"]


def test_the_owner_and_its_lease_are_shown_while_it_works(fake: FakeRuntime) -> None:
    run = fake.runtime.post("ada", text="My own words.")
    take(fake, run, Stage.PUBLISH)
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.run_id) == ("publishing", run)
    assert status.lease_until is not None
    lasts = status.lease_until.timestamp() * 1000 - fake.runtime.ledger.now_ms()
    assert 50_000 < lasts <= 60_000
    fake.runtime.database.client.hset(f"ceos:run:{run}", "lease", 1)
    fake.drive()
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.run_id, status.lease_until) == ("sleeping", "", None)


@pytest.mark.parametrize("abandoned", [AgentState.GENERATING, AgentState.PUBLISHING])
@pytest.mark.parametrize("stage", [Stage.WRITE, Stage.PUBLISH])
def test_another_run_enters_a_state_that_its_run_abandoned(
    fake: FakeRuntime, abandoned: AgentState, stage: Stage
) -> None:
    # Given an agent whose run vanished in the middle
    put(fake, abandoned)
    fake.runtime.database.client.hset("ceos:agent:ada", "run", "ada:m:gone")
    # When another run is taken
    run = fake.runtime.post("ada", text="My own words." if stage is Stage.PUBLISH else None)
    take(fake, run, stage)
    # Then it has the agent
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.run_id) == ("publishing" if stage is Stage.PUBLISH else "generating", run)


def test_the_same_run_enters_its_own_state_again(fake: FakeRuntime) -> None:
    run = fake.runtime.post("ada")
    take(fake, run, Stage.WRITE)
    fake.runtime.database.client.hset(f"ceos:run:{run}", "lease", 1)
    take(fake, run, Stage.WRITE)
    assert path(fake) == ["generating"]


# Failures


def fail(fake: FakeRuntime, status: RunStatus = RunStatus.FAILED, reason: str = "no luck") -> None:
    run = fake.runtime.post("ada", text="My own words.")
    fake.runtime.ledger.finish_run(take(fake, run, Stage.PUBLISH), status, reason)


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.PARTIAL])
def test_three_failed_cycles_in_a_row_stop_the_agent_with_the_reason(fake: FakeRuntime, status: RunStatus) -> None:
    for count in range(1, MAX_FAILURES):
        fail(fake, status)
        shown = fake.runtime.agents.agent_statuses(["ada"])[0]
        assert (shown.state, shown.failures) == ("sleeping", count)
    fail(fake, status, "the key was refused")
    shown = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (shown.state, shown.failures, shown.reason) == ("error", MAX_FAILURES, "the key was refused")
    assert fake.runtime.agents.history("ada")[0].reason == "the key was refused"


def test_a_success_in_between_starts_the_count_again(fake: FakeRuntime) -> None:
    for _ in range(3):
        fail(fake)
        fail(fake)
        fail(fake, RunStatus.PUBLISHED)
    assert state(fake) == "sleeping"


@pytest.mark.parametrize("status", [RunStatus.REJECTED, RunStatus.EXPIRED, RunStatus.LIMITED, RunStatus.MISSED])
def test_what_is_no_failure_neither_counts_nor_forgives(fake: FakeRuntime, status: RunStatus) -> None:
    fail(fake)
    for _ in range(5):
        fail(fake, status)
    shown = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (shown.state, shown.failures) == ("sleeping", 1)


def test_resume_leads_out_of_error_and_what_waited_goes_on(fake: FakeRuntime) -> None:
    # Given an agent in error, with a post that still waits
    waiting = fake.runtime.post("ada", text="I waited.", key="z")
    for _ in range(MAX_FAILURES):
        fake.runtime.database.client.zadd("ceos:queue:ada", {waiting: 9e12})
        fail(fake)
    assert state(fake) == "error"
    fake.step()
    assert fake.casts() == []
    # When the operator resumes it
    assert fake.runtime.resume("ada") == "ok"
    shown = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (shown.state, shown.failures, shown.reason) == ("idle", 0, "")
    # Then the post goes out
    fake.step()
    assert [cast["text"] for cast in fake.casts()] == ["I waited."]


def test_an_agent_that_fails_while_paused_stays_paused(fake: FakeRuntime) -> None:
    for number in range(MAX_FAILURES):
        run = fake.runtime.post("ada", text="My own words.")
        lease = take(fake, run, Stage.PUBLISH)
        if number == MAX_FAILURES - 1:
            fake.runtime.pause("ada", "lunch")
        fake.runtime.ledger.finish_run(lease, RunStatus.FAILED, "no luck")
    shown = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (shown.state, shown.reason) == ("paused", "lunch")


# The operator's verbs


@pytest.mark.parametrize("before", STATES)
def test_pause_works_in_every_state_and_once(fake: FakeRuntime, before: AgentState) -> None:
    put(fake, before)
    assert fake.runtime.pause("ada", "lunch") == ("unchanged" if before is AgentState.PAUSED else "ok")
    assert state(fake) == "paused"
    assert fake.runtime.pause("ada") == "unchanged"


@pytest.mark.parametrize("before", STATES)
def test_resume_is_for_paused_and_error_only(fake: FakeRuntime, before: AgentState) -> None:
    put(fake, before)
    is_held = before in (AgentState.PAUSED, AgentState.ERROR)
    assert fake.runtime.resume("ada") == ("ok" if is_held else "unchanged")
    assert state(fake) == (AgentState.IDLE if is_held else before)


@pytest.mark.parametrize(("hold", "words"), [(AgentState.PAUSED, "is paused"), (AgentState.ERROR, "is in error")])
def test_a_post_for_an_agent_that_is_held_is_refused_with_the_way_out(
    fake: FakeRuntime, hold: AgentState, words: str
) -> None:
    put(fake, hold)
    with pytest.raises(Exception, match=rf"Agent 'ada' {words}; 'ceos agent resume ada' lets it go on"):
        fake.runtime.post("ada", text="My own words.")


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([], id="at rest"),
        pytest.param([lambda fake, run: take(fake, run, Stage.PUBLISH)], id="while it publishes"),
    ],
)
def test_an_agent_that_was_removed_and_applied_again_starts_afresh(
    fake: FakeRuntime, steps: list[Callable[[FakeRuntime, str], Lease]]
) -> None:
    for number in range(2):
        fail(fake, reason=f"failure {number}")
    run = fake.runtime.post("ada", text="My own words.")
    for step in steps:
        step(fake, run)
    fake.runtime.remove("ada")
    fake.runtime.database.client.hset(f"ceos:run:{run}", "lease", 1)
    fake.drive()
    fake.apply()
    shown = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (shown.state, shown.failures, shown.run_id) == ("idle", 0, "")
    assert fake.runtime.agents.history("ada") == []
    assert fake.post(text="I am back.").status == "published"


def test_the_former_store_of_the_runtime_still_works_and_warns(fake: FakeRuntime) -> None:
    with pytest.deprecated_call(match="use runtime.agents"):
        store = fake.runtime.store
    assert store.agent("ada").name == "Ada"
    assert (store.recent_runs("ada"), store.panic_reason(), store.mention("ada:r:0x1")) == ([], None, None)
