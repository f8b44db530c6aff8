"""Likes and recasts: decided in the write stage, carried out once in the publish stage, behind the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from helpers.conversations import ENGAGEMENT, ScriptedModel, cast, reactions, receive

from ceos.domain.lifecycle import Stage
from ceos.domain.mentions import Decision
from ceos.errors import RequestRefused, ServiceUnavailable
from ceos.posts.actions import DecidedReaction, React
from ceos.runs.lease import idempotency_key
from ceos.testing import FakeRuntime

THANKS = "@ada thank you, that helped a lot!"


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime with ada, who likes thanks."""
    fake_runtime.apply(engagement=ENGAGEMENT)
    ScriptedModel("unused").use(fake_runtime)
    return fake_runtime


@pytest.fixture
def decided(fake: FakeRuntime) -> tuple[str, str]:
    """A run whose like is decided and not sent yet, and the hash of the cast."""
    hash = cast(fake, THANKS)
    run_id = receive(fake, hash)
    assert fake.runtime.pipeline.write(run_id) is Stage.PUBLISH
    assert (status(fake, run_id), reactions(fake)) == ("illustrated", [])
    return run_id, hash


def status(fake: FakeRuntime, run_id: str) -> str:
    return fake.runtime.runs.run(run_id).status


def test_a_decided_like_is_sent_in_the_publish_stage(fake: FakeRuntime, decided: tuple[str, str]) -> None:
    run_id, hash = decided
    assert fake.runtime.pipeline.publish(run_id) is None
    run = fake.runtime.runs.run(run_id)
    assert (run.status, run.reason) == ("reacted", "liked: it is praise or thanks")
    assert reactions(fake) == [("like", hash)]


def test_a_reaction_is_sent_with_the_signer_and_the_key_of_its_run(
    fake: FakeRuntime, decided: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, hash = decided
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(fake.runtime.neynar, "react", lambda *args, idem: sent.append((*args, idem)))
    fake.drive()
    signer = fake.runtime.signer(fake.runtime.agents.agent("ada"))
    assert sent == [(signer, "like", hash, 501, idempotency_key(f"{run_id}:like", 0))]


@pytest.mark.parametrize(
    ("stop", "go"),
    [
        pytest.param(lambda fake: fake.runtime.ops.set_panic("stop"), lambda fake: fake.runtime.ops.set_panic(None),
                     id="all publishing is halted"),
        pytest.param(lambda fake: fake.runtime.pause("ada"), lambda fake: fake.runtime.resume("ada"),
                     id="the agent is paused"),
    ],
)  # fmt: skip
def test_a_halt_between_the_decision_and_the_sending_sends_nothing(
    fake: FakeRuntime, decided: tuple[str, str], stop: Callable[[FakeRuntime], Any], go: Callable[[FakeRuntime], Any]
) -> None:
    run_id, hash = decided
    stop(fake)
    fake.drive(rounds=2)
    assert (status(fake, run_id), reactions(fake)) == ("illustrated", [])
    go(fake)
    fake.drive()
    assert (status(fake, run_id), reactions(fake)) == ("reacted", [("like", hash)])


def test_a_halt_right_before_the_request_sends_nothing(
    fake: FakeRuntime, decided: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has taken the publish stage already when all publishing is halted."""
    run_id, hash = decided
    signer = fake.runtime.publisher._signer

    def halt(agent: Any) -> str:
        fake.runtime.ops.set_panic("stop")
        return signer(agent)

    with monkeypatch.context() as patch:
        patch.setattr(fake.runtime.publisher, "_signer", halt)
        fake.runtime.pipeline.publish(run_id)
    assert (status(fake, run_id), reactions(fake)) == ("publishing", [])
    fake.runtime.ops.set_panic(None)
    fake.drive()
    assert (status(fake, run_id), reactions(fake)) == ("reacted", [("like", hash)])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("owner", "step"),
    [("ledger", "record_sending"), ("neynar", "react"), ("ledger", "record_sent"), ("ledger", "finish_run")],
)
def test_a_worker_killed_between_two_steps_leaves_one_like(
    fake: FakeRuntime, decided: tuple[str, str], owner: str, step: str, moment: str
) -> None:
    run_id, hash = decided
    real = getattr(getattr(fake.runtime, owner), step)

    def killed(*args: Any, **options: Any) -> None:
        if moment == "after":
            real(*args, **options)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(getattr(fake.runtime, owner), step, killed)
        with pytest.raises(Killed):
            fake.runtime.pipeline.publish(run_id)
    fake.runtime.database.client.hset(f"ceos:run:{run_id}", "lease", 1)
    fake.drive()
    # A kill after the last step leaves nothing to do.
    assert (status(fake, run_id), reactions(fake)) == ("reacted", [("like", hash)])


def test_a_reaction_on_record_is_not_sent_again(fake: FakeRuntime, decided: tuple[str, str]) -> None:
    run_id, hash = decided
    runtime = fake.runtime
    lease = runtime.ledger.begin_stage(run_id, Stage.PUBLISH)
    assert lease is not None
    reaction = DecidedReaction("like", hash, 501, "it is praise or thanks")
    runtime.publisher.react(lease, runtime.agents.agent("ada"), reaction)
    runtime.database.client.hset(f"ceos:run:{run_id}", "lease", 1)
    again = runtime.ledger.begin_stage(run_id, Stage.PUBLISH)
    assert again is not None
    runtime.neynar.react = None  # type: ignore[assignment, method-assign]
    runtime.publisher.react(again, runtime.agents.agent("ada"), reaction)


def test_a_run_that_the_version_before_has_decided_ends_with_its_reaction(fake: FakeRuntime) -> None:
    """The version before stored the decision, claimed the cast, and died before it sent the like."""
    hash = cast(fake, THANKS)
    run_id = receive(fake, hash)
    fake.runtime.mention_store.save_decision(run_id, Decision(action="like", reason="it is kind"))
    fake.drive()
    assert (status(fake, run_id), reactions(fake)) == ("reacted", [("like", hash)])
    assert fake.runtime.runs.run(run_id).reason == "liked: it is kind"


def test_a_cast_that_was_deleted_before_the_reaction_is_ignored(
    fake: FakeRuntime, decided: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _ = decided

    def gone(*args: Any, **options: Any) -> None:
        raise RequestRefused("Neynar answered 404", status=404)

    monkeypatch.setattr(fake.runtime.neynar, "react", gone)
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert (run.status, run.reason) == ("ignored", "the cast is gone")


def test_a_mention_that_waited_too_long_for_its_reaction_is_missed(fake: FakeRuntime, decided: tuple[str, str]) -> None:
    run_id, _ = decided
    fake.clock.advance(hours=25)
    fake.runtime.pipeline.publish(run_id)
    run = fake.runtime.runs.run(run_id)
    assert (run.status, run.reason, reactions(fake)) == ("missed", "it is more than 24 hours old", [])


def test_a_service_that_is_down_gets_three_requests(
    fake: FakeRuntime, decided: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _ = decided
    requests = []

    def down(self: React) -> str:
        requests.append(self.reaction.kind)
        raise ServiceUnavailable("Neynar is down")

    monkeypatch.setattr(React, "send", down)
    fake.drive()
    assert (status(fake, run_id), requests) == ("failed", ["like"] * 3)
    assert fake.runtime.agents.agent_statuses(["ada"])[0].failures == 0
