"""An agent publishes as its own account and as no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.conversations import ENGAGEMENT, cast, reactions, receive
from helpers.terminal import Terminal, agent_file

from ceos.clients.neynar.types import PublishedCast
from ceos.domain.posts import Kind
from ceos.errors import InvalidInput
from ceos.operations.agents import doubles
from ceos.posts.signers import signer_digest
from ceos.testing import FakeRuntime, make_agent

MINE, OTHER = "00000000-0000-4000-8000-000000001001", "00000000-0000-4000-8000-000000000777"
WRONG = (
    "The signer of agent 'ada' writes for fid 777, but the agent has fid 1001; nothing was sent. Correct the fid in "
    "the agent's file, or the signer."
)


def requests_to(fake: FakeRuntime, what: str) -> int:
    return sum(one["what"] == what for one in fake.simulator.timeline())


def lookups(fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every look-up of a signer."""
    seen: list[str] = []
    look_up = fake.runtime.neynar.signer

    def counted(signer_uuid: str) -> Any:
        seen.append(signer_uuid)
        return look_up(signer_uuid)

    monkeypatch.setattr(fake.runtime.neynar, "signer", counted)
    return seen


@pytest.mark.parametrize("options", [{"text": "Measure twice."}, {"kind": Kind.ORIGINAL}], ids=["own text", "written"])
@pytest.mark.parametrize("script", [[], ["cut_after"]], ids=["", "lost answer"])
def test_a_signer_of_another_account_sends_nothing_and_the_run_says_so(
    fake_runtime: FakeRuntime, options: dict[str, Any], script: list[str]
) -> None:
    fake_runtime.apply(signer_uuid=OTHER)
    fake_runtime.simulator.faults(neynar={"script": script, "idem": "ignore"})
    run = fake_runtime.post(**options)
    assert (run.status, run.reason) == ("failed", WRONG)
    assert fake_runtime.casts() == []
    assert requests_to(fake_runtime, "completion") == 0, "nothing is paid for a post that cannot be sent"


def test_the_account_is_looked_up_once_for_all_workers_and_again_after_a_day(
    fake_runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_runtime.apply()
    seen = lookups(fake_runtime, monkeypatch)
    for text in ("One.", "Two.", "Three."):
        assert fake_runtime.post(text=text).status == "published"
    assert seen == [MINE]
    client, key = fake_runtime.runtime.database.client, f"ceos:signer:{signer_digest(MINE)}"
    assert 86_000 < int(client.ttl(key)) <= 86_400
    assert MINE not in key
    client.delete(key)
    fake_runtime.post(text="Four.")
    assert seen == [MINE, MINE]


@pytest.mark.parametrize("fault", ["read_error_500", "read_rate_limited", "read_cut", "read_garbage_200"])
def test_nothing_is_sent_while_the_account_cannot_be_looked_up(fake_runtime: FakeRuntime, fault: str) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(neynar={fault: 1})
    run_id = fake_runtime.runtime.post("ada", text="Measure twice.")
    fake_runtime.drive(rounds=6)
    run = fake_runtime.runtime.runs.run(run_id)
    assert (run.status, fake_runtime.casts()) == ("publishing", [])
    assert run.reason.startswith("the account of the signer could not be looked up")
    fake_runtime.simulator.faults(neynar={fault: 0})
    fake_runtime.drive()
    assert fake_runtime.runtime.runs.run(run_id).status == "published"


def test_a_text_is_written_while_the_account_cannot_be_looked_up(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(neynar={"read_error_500": 1})
    run_id = fake_runtime.runtime.post("ada", kind=Kind.ORIGINAL)
    assert fake_runtime.runtime.pipeline.write(run_id) == "publish"


@pytest.mark.parametrize(
    ("status", "fid", "words"),
    [
        ("pending_approval", None, "is not approved; its status is 'pending_approval'. Nothing was sent."),
        ("revoked", 1001, "is not approved; its status is 'revoked'. Nothing was sent."),
        ("approved", None, "Neynar names no account for the signer of agent 'ada'; nothing was sent"),
        ("", None, "Neynar does not know the signer of agent 'ada' under this NEYNAR_API_KEY; nothing was sent"),
    ],
)
def test_a_signer_that_cannot_write_ends_the_run_with_one_sentence(
    fake_runtime: FakeRuntime, status: str, fid: int | None, words: str
) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(neynar={"signers": "strict"})
    if status:
        fake_runtime.simulator.signer(MINE, fid, status=status)
    run = fake_runtime.post(text="Measure twice.")
    assert run.status == "failed"
    assert words in run.reason
    assert MINE not in run.reason
    assert fake_runtime.casts() == []


def test_a_reaction_is_not_sent_for_another_account(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(engagement=ENGAGEMENT)
    run_id = receive(fake_runtime, cast(fake_runtime, "@ada thank you"))
    assert fake_runtime.runtime.pipeline.write(run_id) == "publish"
    fake_runtime.apply(engagement=ENGAGEMENT, signer_uuid=OTHER)
    fake_runtime.drive()
    run = fake_runtime.runtime.runs.run(run_id)
    assert (run.status, run.reason, reactions(fake_runtime)) == ("failed", WRONG, [])


def test_a_cast_that_another_account_published_stops_the_agent(
    fake_runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a service that looks the signer up as ada's, and publishes as somebody else
    fake_runtime.apply()
    sent: list[str] = []

    def publish(_: str, text: str, **options: Any) -> PublishedCast:
        sent.append(text)
        return PublishedCast(hash="0x" + "7" * 40, author_fid=777)

    monkeypatch.setattr(fake_runtime.runtime.neynar, "publish_cast", publish)
    run = fake_runtime.post(text="One clock.\n---SPLIT---\nTwo clocks.")
    # Then nothing more is sent, the record names the cast and the account, and the agent stands still
    assert sent == ["One clock."]
    assert run.status == "partial"
    assert run.hashes == ("0x" + "7" * 40, None)
    assert run.reason == (
        f"Neynar published part 1 as fid 777, but agent 'ada' has fid 1001. Delete the cast 0x{'7' * 40} there, and "
        "correct the signer or the fid."
    )
    status = fake_runtime.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.reason) == ("error", run.reason)
    # And the cast is none of the agent's, nor is it continued there
    with pytest.raises(InvalidInput, match="was published by another account and cannot go on; post its text anew"):
        fake_runtime.runtime.ledger.decide(run.id, "retry")
    fake_runtime.runtime.ledger.decide(run.id, "drop")
    assert fake_runtime.runtime.runs.recent_casts("ada") == []


def test_the_author_in_an_answer_is_read(fake_runtime: FakeRuntime) -> None:
    published = fake_runtime.runtime.neynar.publish_cast(MINE, "gm", idem="a" * 16)
    assert published.author_fid == 1001


# Agent files


def test_one_literal_signer_cannot_serve_two_accounts(fake_runtime: FakeRuntime) -> None:
    runtime = fake_runtime.runtime
    ada, ben = make_agent(), make_agent(id="ben", fid=1002, signer_uuid=MINE)
    words = (
        "agent 'ben', signer_uuid: it is the signer of agent 'ada', which has fid 1001 and not 1002; a signer writes "
        "for one account."
    )
    with pytest.raises(InvalidInput) as refusal:
        runtime.apply([ada, ben])
    assert str(refusal.value) == words
    assert runtime.agents.agent_ids() == []
    # The same when the other agent was stored before
    runtime.apply([ada])
    with pytest.raises(InvalidInput) as refusal:
        runtime.apply([ben])
    assert str(refusal.value) == words
    # The whole fleet may move to another account
    runtime.apply([make_agent(fid=1002, signer_uuid=MINE), ben])


def test_agents_of_one_account_are_told(fake_runtime: FakeRuntime) -> None:
    ada, twin, ben = fake_runtime.apply(), make_agent(id="twin"), make_agent(id="ben", fid=1002)
    sentence = "Agent 'twin' has fid 1001 like agent 'ada': both publish as one account, each within limits of its own."
    assert doubles(fake_runtime.runtime, [twin, ben]) == [sentence]
    assert doubles(fake_runtime.runtime, [ada, twin, ben]) == [sentence]
    assert doubles(fake_runtime.runtime, [ada, ben]) == []


def test_apply_tells_of_agents_of_one_account(
    fake_runtime: FakeRuntime, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run, file = Terminal(capsys), tmp_path / "agents.toml"
    file.write_text(agent_file() + agent_file(id='"twin"'))
    told = run("agent", "apply", str(file))
    assert told.code == 0
    assert told.err == (
        "Agent 'twin' has fid 1001 like agent 'ada': both publish as one account, each within limits of its own.\n"
    )
