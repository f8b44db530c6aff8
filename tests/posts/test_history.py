"""A post repeats neither the agent's own casts nor recent posts of other agents of the installation."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.conversations import ScriptedModel, signer

from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.storage import sketches as store
from ceos.storage.sketches import MAX_COMPARED, SketchStore
from ceos.testing import FakeRuntime

TEXT = (
    "Every bridge that still stands was drawn twice. The first drawing says what somebody wanted, and the second one "
    "what the river allowed. Ask for the second drawing."
)
OTHER = "Clocks in stations run a little fast, so that people run a little faster. Nobody has ever complained about it."


@pytest.fixture(name="fake")
def fake_fixture(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.apply()
    fake_runtime.apply(id="ben", fid=1002, signer_uuid=signer(1002))
    return fake_runtime


def post(fake: FakeRuntime, agent_id: str, *answers: str) -> Run:
    ScriptedModel(*answers).use(fake)
    return fake.post(agent_id, kind=Kind.ORIGINAL)


def test_a_post_that_repeats_a_siblings_is_written_again(fake: FakeRuntime) -> None:
    assert post(fake, "ada", TEXT).status == "published"
    model = ScriptedModel(f"Indeed: {TEXT}", OTHER).use(fake)
    run = fake.post("ben", kind=Kind.ORIGINAL)
    assert run.draft is not None and (run.status, run.draft.attempts) == ("published", 2)
    assert "repeats a recent one by another account" in str(model.told[1])
    assert TEXT not in str(model.told[0]), "what a sibling wrote is not shown to the model"


def test_a_post_that_repeats_a_siblings_twice_is_not_published(fake: FakeRuntime) -> None:
    post(fake, "ada", TEXT)
    run = post(fake, "ben", TEXT)
    assert run.status == "failed" and "another account of the same operator" in run.reason


def test_a_sibling_is_compared_before_the_first_of_both_is_published(fake: FakeRuntime) -> None:
    fake.apply(approval="review")
    post(fake, "ada", TEXT)
    assert fake.casts() == []
    assert post(fake, "ben", TEXT, OTHER).draft.attempts == 2  # type: ignore[union-attr]


def test_posts_on_one_topic_that_differ_are_both_published(fake: FakeRuntime) -> None:
    post(fake, "ada", TEXT)
    run = post(fake, "ben", "A bridge needs two drawings, and the river is asked only before the second one is made.")
    assert run.draft is not None and (run.status, run.draft.attempts) == ("published", 1)


def test_the_agents_own_casts_are_compared_by_stored_sketches(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(fake, "ada", TEXT)
    computed: list[str] = []
    original = store.sketch_of
    monkeypatch.setattr(store, "sketch_of", lambda text: computed.append(text) or original(text))
    history, recent = fake.runtime.post_history, fake.runtime.runs.recent_texts
    history.sketched(recent("ada"))
    assert computed == []
    run = post(fake, "ada", TEXT, OTHER)
    assert run.draft is not None and run.draft.attempts == 2
    client: Any = fake.runtime.database.client
    client.delete(*client.keys("ceos:sketch:*"))
    assert [one.text for one in history.sketched(recent("ada"))] == [OTHER, TEXT]
    assert TEXT in computed, "one that has expired is computed again"


def test_a_text_of_the_operator_is_published_although_a_sibling_said_it(fake: FakeRuntime) -> None:
    post(fake, "ada", TEXT)
    run = fake.post("ben", text=TEXT)
    assert run.status == "published" and run.draft is not None
    assert run.draft.notes == ("published as you wrote it: The post resembles a recent one by 'ada'.",)
    assert fake.runtime.post_history.siblings_with("ada", [TEXT]) == ["ben"]


def test_the_cost_of_a_comparison_does_not_grow_with_the_fleet(fake: FakeRuntime) -> None:
    sketches = SketchStore(fake.runtime.database)
    client: Any = fake.runtime.database.client

    def commands() -> int:
        return int(client.info("stats")["total_commands_processed"])

    def cost() -> int:
        before = commands()
        sketches.posts_of_others("ada", sketches.sketches([TEXT])[0])
        return commands() - before

    sketches.list_post("ben", TEXT)
    sketches.sketches([TEXT])
    small = cost()
    for number in range(200):
        sketches.list_post(f"agent{number}", f"{TEXT} Says number {number}.")
    assert cost() == small
    assert len(sketches.posts_of_others("ada", sketches.sketches([TEXT])[0])) <= MAX_COMPARED
    assert max(client.llen(key) for key in client.keys("ceos:alike:*")) <= store.POSTS_PER_HASH
