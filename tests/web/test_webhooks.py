"""Webhooks: what is not signed or no event is refused, and what is taken is taken once, with the poll beside it."""

from __future__ import annotations

import datetime as dt
import json
import urllib.request
from typing import Any

import pytest
from helpers.web_app import (
    HASH,
    SECRET,
    VECTOR,
    VECTOR_SIGNATURE,
    Agents,
    make_cast,
    make_event,
    make_webhooks,
    receive,
    site_of,
)

from ceos.clients.neynar.types import FeedCast
from ceos.clock import Clock
from ceos.errors import InvalidInput
from ceos.settings import Settings
from ceos.simulator.people import username
from ceos.supervisor import wait_until
from ceos.testing import FakeRuntime, make_agent
from ceos.web.webhooks import Webhooks, concerns, is_signed, sign

# Signatures


@pytest.mark.parametrize(
    ("signature", "secrets", "is_good"),
    [
        pytest.param(VECTOR_SIGNATURE, [SECRET], True, id="the vector of the fact sheet"),
        pytest.param(VECTOR_SIGNATURE.upper(), [SECRET], True, id="the case of the digits says nothing"),
        pytest.param(VECTOR_SIGNATURE, ["new-secret", SECRET], True, id="rotation: the old one counts still"),
        pytest.param(VECTOR_SIGNATURE, [SECRET, "old-secret"], True, id="rotation: the new one counts already"),
        pytest.param(VECTOR_SIGNATURE, ["other-secret"], False, id="another secret"),
        pytest.param(VECTOR_SIGNATURE, [], False, id="no secret at all"),
        pytest.param(sign(VECTOR, ""), [SECRET], False, id="signed with nothing"),
        pytest.param("", [SECRET], False, id="missing"),
        pytest.param(VECTOR_SIGNATURE[:64], [SECRET], False, id="half of it"),
        pytest.param(VECTOR_SIGNATURE + "00", [SECRET], False, id="more than it"),
        pytest.param(f" {VECTOR_SIGNATURE[:-1]}", [SECRET], False, id="a blank for a digit"),
        pytest.param("é" * 128, [SECRET], False, id="no hex, and no ASCII"),
        pytest.param("٣" * 128, [SECRET], False, id="digits of another script"),
    ],
)
def test_only_who_knows_a_secret_can_sign(signature: str, secrets: list[str], is_good: bool) -> None:
    assert is_signed(VECTOR, signature, secrets) is is_good


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        pytest.param("", (), id="unset"),
        pytest.param(" , ,", (), id="only commas: nobody can sign with nothing"),
        pytest.param("one-secret", ("one-secret",), id="one"),
        pytest.param(" new-secret, old-secret ", ("new-secret", "old-secret"), id="two"),
    ],
)
def test_several_secrets_are_separated_by_commas_and_none_is_ever_logged(value: str, secrets: tuple[str, ...]) -> None:
    from ceos.logs import redact

    settings = Settings.from_env({"NEYNAR_WEBHOOK_SECRET": value}, dotenv=None)
    assert settings.webhook_secrets() == secrets
    assert [one for one in secrets if one in redact(f"It is {one}.")] == []


# Events


@pytest.mark.parametrize(
    ("cast", "found"),
    [
        pytest.param({"mentioned_profiles": [{"fid": 1}, {"fid": 2}]}, {1: "mention", 2: "mention"}, id="mentions"),
        pytest.param({"parent_author": {"fid": 1}}, {1: "reply"}, id="an answer"),
        pytest.param({"embeds": [{"cast": {"author": {"fid": 1}}}]}, {1: "quote"}, id="a quote"),
        pytest.param({"embeds": [{"cast_id": {"fid": 1, "hash": HASH}}]}, {1: "quote"}, id="a quote in its short form"),
        pytest.param(
            {"parent_author": {"fid": 1}, "mentioned_profiles": [{"fid": 1}], "embeds": [{"cast_id": {"fid": 1}}]},
            {1: "reply"},
            id="all at once is one answer",
        ),
        pytest.param({}, {}, id="nothing"),
        pytest.param({"mentioned_profiles": [{"fid": "1"}, {"fid": True}, {}, None, 7]}, {}, id="no fids"),
        pytest.param({"mentioned_profiles": {"fid": 1}, "embeds": "x", "parent_author": [1]}, {}, id="other types"),
        pytest.param({"embeds": [{"url": "https://x.org"}, None, {"cast": None}]}, {}, id="embeds of other kinds"),
    ],
)
def test_whom_a_cast_concerns(cast: dict[str, Any], found: dict[int, str]) -> None:
    assert concerns(cast) == found


def test_a_cast_is_taken_for_every_agent_it_concerns() -> None:
    webhooks, taken = make_webhooks(
        make_agent(),
        make_agent(id="bob", fid=1002),
        make_agent(id="twin", fid=1002),
        make_agent(id="else", fid=1004),
    )
    cast = make_cast(parent_author={"fid": 1002}, mentioned_profiles=[{"fid": 1003}, {"fid": 1001}, {"fid": 1002}])
    receipt = receive(webhooks, make_event(cast))
    assert receipt.taken == {"ada": "opened", "bob": "opened", "twin": "opened"}
    assert sorted(taken) == [("ada", HASH, "mention"), ("bob", HASH, "reply"), ("twin", HASH, "reply")]


def test_a_replayed_webhook_is_known() -> None:
    webhooks, _ = make_webhooks()
    assert receive(webhooks, make_event()).taken == {"ada": "opened"}
    assert receive(webhooks, make_event()).taken == {"ada": "known"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(make_event({}, "follow.created"), "'follow.created' are not used", id="another event"),
        pytest.param(make_event({}, "x" * 5000), "are not used", id="a type as long as a novel"),
        pytest.param(
            make_event(make_cast(mentioned_profiles=[{"fid": 4}])), "no agent of this installation", id="other accounts"
        ),
        pytest.param(VECTOR, "cannot be read: hash, timestamp", id="the vector has an empty cast"),
        pytest.param(make_event([]), "cannot be read: data", id="the cast is a list"),
        pytest.param(make_event(make_cast(hash="0x12")), "cannot be read: hash", id="half a hash"),
        pytest.param(make_event(make_cast(timestamp=None)), "cannot be read: timestamp", id="no time"),
        pytest.param(make_event(make_cast(author=None)), "cannot be read: author", id="no author"),
        pytest.param(make_event(make_cast(author={})), "cannot be read: author", id="an author without fid"),
        pytest.param(make_event(make_cast(text=7)), "cannot be read: text", id="a text that is a number"),
        pytest.param(make_event(make_cast(mentioned_profiles=None)), "no agent of this installation", id="no mentions"),
    ],
)
def test_what_is_signed_but_of_no_use_is_ignored_with_the_reason(body: bytes, why: str) -> None:
    webhooks, taken = make_webhooks()
    receipt = receive(webhooks, body)
    assert (receipt.taken, taken) == ({}, [])
    assert why in receipt.ignored and len(receipt.ignored) < 200


def test_half_a_sign_in_a_text_does_not_get_as_far_as_redis() -> None:
    taken: list[FeedCast] = []
    agents: Any = Agents(make_agent())
    webhooks = Webhooks([SECRET], agents, lambda agent, cast, kind: taken.append(cast) or "opened")  # type: ignore[func-returns-value]
    receive(webhooks, make_event(make_cast(text="\ud83d\ude00 and \ud83d", embeds=[{"url": "https://x.org/\ud83d"}])))
    assert (taken[0].text, taken[0].embeds) == ("😀 and \ufffd", ("https://x.org/\ufffd",))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"{", "not JSON", id="half an object"),
        pytest.param(b"\xff\xfe{}", "not UTF-8", id="other bytes"),
        pytest.param(make_event().decode().encode("utf-16"), "not UTF-8", id="another encoding"),
        pytest.param(b"[" * 100_000, "not JSON", id="deeper than Python can go"),
        pytest.param(b'{"created_at": ' + b"9" * 5000 + b"}", "not JSON", id="a number longer than Python reads"),
        pytest.param(b"[]", "not an event", id="a list"),
        pytest.param(b"{}", "not an event", id="no type"),
        pytest.param(b'{"type": 7}', "not an event", id="a type that is a number"),
    ],
)
def test_what_is_signed_but_no_event_is_invalid(body: bytes, why: str) -> None:
    webhooks, taken = make_webhooks()
    with pytest.raises(InvalidInput, match=why):
        receive(webhooks, body)
    assert taken == []


# With the poll beside it, on a real Redis and with the simulator's own webhooks


def publish(fake: FakeRuntime, text: str, **fields: Any) -> str:
    """Let a stranger publish, and return the hash of the cast."""
    body = {"signer_uuid": "00000000-0000-4000-8000-000000000077", "text": text, **fields}
    request = urllib.request.Request(
        f"{fake.simulator.url}/v2/farcaster/cast/",
        json.dumps(body).encode(),
        {"x-api-key": "simulated-key", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        found: str = json.load(answer)["cast"]["hash"]
    return found


def opened(fake: FakeRuntime) -> list[str]:
    """Return the hashes of the casts that became runs of ada's."""
    return sorted(run.slot.removeprefix("r:") for run in fake.runtime.mention_store.mention_runs("ada", 200))


@pytest.mark.parametrize("fault", [None, "webhook_duplicate", "webhook_late", "webhook_drop", "webhook_forge"])
def test_what_both_webhook_and_poll_see_becomes_one_run(fake_runtime: FakeRuntime, fault: str | None) -> None:
    # Given an agent that listens, and a web app that the simulator sends webhooks to,
    runtime = fake_runtime.runtime
    fake_runtime.apply(engagement={"enabled": True}, schedule={"cron": "0 0 1 1 *"})
    runtime.clock = Clock()
    webhooks = Webhooks([SECRET], runtime.agents, runtime.mention_poller.receive_cast)
    with site_of(webhooks) as site:
        url = "http://{}:{}/webhooks/neynar".format(*site.address)
        hook = {"url": url, "secret": SECRET, "fids": [1001]}
        fake_runtime.simulator.faults(neynar={"webhook": hook, **({fault: 1.0} if fault else {})})

        # when strangers mention it, and the poll looks before, between and after the webhooks,
        hashes = []
        for index in range(6):
            hashes.append(publish(fake_runtime, f"@{username(1001)} what do you think, {index}?"))
            if index % 2:
                runtime.mention_poller.poll("ada")
        if fault not in ("webhook_drop", "webhook_late"):
            assert wait_until(lambda: opened(fake_runtime) == sorted(hashes), 60)
        runtime.mention_poller.poll("ada")
        runtime.mention_poller.poll("ada")

        # then each is a run, once, whatever became of its webhook.
        assert opened(fake_runtime) == sorted(hashes)
        cast = fake_runtime.simulator.casts()[-1]
        body = make_event(make_cast(hash=cast["hash"], timestamp=dt.datetime.now(dt.UTC).isoformat()))
        assert site.post(body)[1]["taken"] == {"ada": "known"}
        assert opened(fake_runtime) == sorted(hashes)
        assert runtime.mention_store.counts()["opened"] == len(hashes)


def test_an_agent_that_does_not_listen_and_casts_from_before_it_did_open_nothing(fake_runtime: FakeRuntime) -> None:
    runtime = fake_runtime.runtime
    runtime.clock = Clock()
    now = dt.datetime.now(dt.UTC)
    webhooks = Webhooks([SECRET], runtime.agents, runtime.mention_poller.receive_cast)
    fake_runtime.apply()
    assert receive(webhooks, make_event(make_cast(timestamp=now.isoformat()))).taken == {"ada": "off"}
    fake_runtime.apply(engagement={"enabled": True})
    old = make_cast(timestamp=(now - dt.timedelta(hours=1)).isoformat())
    assert receive(webhooks, make_event(old)).taken == {"ada": "old"}
    assert receive(webhooks, make_event(make_cast(author={"fid": 1001}))).taken == {"ada": "own"}
    assert opened(fake_runtime) == []
