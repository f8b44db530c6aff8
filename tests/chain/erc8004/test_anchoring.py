"""Scores on chain: each is written once, and verification names every value that was changed afterwards."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from helpers.erc8004_setup import Registry, registry
from helpers.evm import ACCOUNTS, Evm
from helpers.terminal import ceos as ceos_process
from helpers.terminal import clean_environ, terminal
from helpers.web_app import Site
from hypothesis import given
from hypothesis import strategies as st

from ceos import score as scores
from ceos.chain.erc8004.anchoring import ANCHOR, ScoreDocument
from ceos.chain.erc8004.canonical_json import MAX_DEPTH, MISSING, Difference, canonical, differences, digest_of, read
from ceos.chain.tx.types import TxStatus
from ceos.errors import CeosError, InvalidInput, NotFound
from ceos.score import Inputs, PostInputs, WeekScore, score, week_of
from ceos.web.agents import Pages

WEEK = "2026-W08"
#: A week later all of it is anchored: the clock of the tests stands in week 10.
LATER = "2026-W09"


def inputs(agent: str = "ada", week: str = WEEK, **changes: Any) -> Inputs:
    """Return a week of three posts."""
    posts = tuple(
        PostInputs(
            at=1771800000 + 3600 * number, likes=12 + number, recasts=number, replies=2, quotes=None, followers=310
        )
        for number in range(3)
    )
    numbers = {"followers_start": 300, "followers_end": 317, "published": 3, "missed": 1}
    return Inputs(**{"agent": agent, "week": week, "posts": posts, **numbers, **changes})


def keep_week(
    place: Registry, agent: str = "ada", week: str = WEEK, version: int = scores.VERSION, **changes: Any
) -> None:
    """Store the score of a week."""
    found = inputs(agent, week, **changes)
    text = WeekScore(score=score(found, version), inputs=found).text()
    assert place.fake.runtime.series.save_score(agent, week, text)


@pytest.fixture
def place(evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path) -> Iterator[Registry]:
    with registry(evm, ceos_home, ceos_simulator, tmp_path) as found:
        found.add("ada")
        keep_week(found)
        yield found


@pytest.fixture
def anchored(place: Registry) -> Registry:
    """Return a registry with a final anchored week of ada."""
    place.register()
    tx = place.chain.anchors.anchor("ada", WEEK)
    assert tx is not None and place.settle(tx.id).status is TxStatus.FINAL
    return place


def document(place: Registry) -> dict[str, Any]:
    """Return the public document."""
    found: dict[str, Any] = json.loads(place.chain.anchors.public_text("ada", WEEK))
    return found


# Canonical JSON


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"b": 1, "a": [1.0, 0.1, None, True]}, b'{"a":[1,0.1,null,true],"b":1}'),
        (
            {"\u20ac": 1, "\r": 2, "1": 3, "\U0001f600": 4, "\ufb33": 5},
            '{"\\r":2,"1":3,"€":1,"😀":4,"\ufb33":5}'.encode(),
        ),
        ([1e21, 1e-7, -0.0, 5e-324, 333333333.33333329], b"[1e+21,1e-7,0,5e-324,333333333.3333333]"),
        ('é\u0000"\\/', '"é\\u0000\\"\\\\/"'.encode()),
        ({"score": 61.2, "n": 2**53 - 1}, b'{"n":9007199254740991,"score":61.2}'),
    ],
)
def test_data_has_one_canonical_form(data: Any, text: bytes) -> None:
    assert canonical(data) == text
    assert canonical(read(text)) == text
    assert digest_of(canonical(data)) == "0x" + hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a":1,"a":2}', id="a name twice"),
        pytest.param('{"x":{"":1,"":1}}', id="an empty name twice"),
        pytest.param("[NaN]", id="no number"),
        pytest.param("-Infinity", id="no finite number"),
        pytest.param("1e400", id="a number that only looks finite"),
        pytest.param("9007199254740993", id="a number that readers round"),
        pytest.param("1" * 5000, id="a number without end"),
        pytest.param('"\\ud800"', id="half a character"),
        pytest.param('{"\\udc00":1}', id="half a character as a name"),
        pytest.param("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), id="too deep"),
        pytest.param("[" * 100_000, id="far too deep"),
        pytest.param("", id="nothing"),
        pytest.param("{} {}", id="two of them"),
        pytest.param(b"\xff", id="no UTF-8"),
    ],
)
def test_json_that_parsers_read_differently_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        read(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_canonical_json_is_read_back_unchanged(data: Any) -> None:
    text = canonical(data)
    assert text == rfc8785.dumps(data)
    assert canonical(read(text)) == text
    assert differences(data, read(text)) == []


@given(JSON, JSON)
def test_documents_differ_exactly_where_their_hashes_do(one: Any, other: Any) -> None:
    assert (digest_of(canonical(one)) == digest_of(canonical(other))) == (differences(one, other) == [])


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_read_as_data_or_refused(text: bytes | str) -> None:
    with suppress(InvalidInput):
        canonical(read(text))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"a": {"b": [{"c": 14}]}}, {"a": {"b": [{"c": 15}]}}, [("a.b[0].c", 14, 15)]),
        ({"a": [1, 2, 3]}, {"a": [1, 2]}, [("a[2]", 3, MISSING)]),
        ({"a": 1}, {"a": 1, "b": None}, [("b", MISSING, None)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": 0}, {"a": False}, [("a", 0, False)]),
        ({"a": None}, {"a": 0}, [("a", None, 0)]),
        ({"a": "1"}, {"a": 1}, [("a", "1", 1)]),
        ({"a": {}}, {"a": []}, [("a", {}, [])]),
        ({"a": 1}, {"a": 1.0}, []),
        ([], {}, [("", [], {})]),
    ],
)
def test_a_difference_is_named_by_its_path(one: Any, other: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert differences(one, other) == [Difference(*each) for each in found]


def test_a_difference_reads_as_a_line() -> None:
    assert Difference("inputs.posts[2].likes", 14, 15).line() == "inputs.posts[2].likes: anchored 14, stored now 15"
    assert Difference("a", MISSING, None).line() == "a: anchored nothing, stored now null"


# Writing


def test_the_hash_on_chain_is_that_of_the_bytes_that_the_web_app_serves(anchored: Registry) -> None:
    with Site(None, pages=Pages(anchored.chain.identity, anchored.chain.anchors)) as site:
        status, shown = site.ask("GET", f"/agents/ada/scores/{WEEK}.json")
        body = site.body("GET", f"/agents/ada/scores/{WEEK}.json")
    assert (status, shown["agent"], shown["epoch"]) == (200, "ada", WEEK)
    assert (shown["registry"], shown["number"], shown["version"]) == (anchored.name, 0, 2)
    found = anchored.chain.identity.metadata(0, f"ceos.score.{WEEK}")
    assert found == hashlib.sha256(body).digest() and len(found) == 32
    # Nothing that nobody needs to know.
    assert set(shown) == {"agent", "epoch", "version", "registry", "number", "score", "inputs"}


def test_the_workers_anchor_each_week_once(place: Registry) -> None:
    keep_week(place, week=LATER)
    chain = place.chain
    place.fake.clock.set(dt.datetime(2026, 3, 4, tzinfo=dt.UTC))
    chain.anchors.schedule()
    chain.handle(ANCHOR)
    assert chain.anchors.due() == [] and chain.sender.recent() == []
    place.register()
    assert chain.anchors.due() == [("ada", WEEK), ("ada", LATER)]
    for _ in range(6):
        for name in chain.due_queue.task_ids():
            chain.handle(name)
        place.evm.mine(2)
    assert chain.anchors.due() == []
    assert [tx.request.purpose for tx in chain.sender.recent()].count(f"set ceos.score.{WEEK} of ada") == 1
    assert len(chain.sender.recent()) == 3
    for week in (WEEK, LATER):
        assert chain.anchors.verify("ada", week).ok
    assert [kept.is_final for kept in chain.anchors._identities.anchors(chain.anchors._registry, "ada").values()] == [
        True,
        True,
    ]
    assert chain.due_queue.task_ids() == [ANCHOR]


def test_old_weeks_and_agents_that_are_not_listed_are_not_anchored(place: Registry) -> None:
    place.add("ben")
    keep_week(place, "ben")
    place.register("ada")
    place.register("ben")
    place.fake.clock.set(dt.datetime(2026, 6, 1, tzinfo=dt.UTC))
    assert place.chain.anchors.due() == []
    # By hand they may be.
    assert place.chain.anchors.anchor("ben", WEEK) is not None
    assert place.chain.anchors.anchor("ada", WEEK) is not None


def test_an_anchored_score_is_never_replaced(anchored: Registry) -> None:
    tx = anchored.chain.anchors.anchor("ada", WEEK)
    assert tx is not None and tx.status is TxStatus.FINAL and len(anchored.chain.sender.recent()) == 2
    # Another home, with another opinion of that week.
    client: Any = anchored.fake.runtime.database.client
    registration = anchored.chain.identity.registration("ada")
    client.flushall()
    anchored.add("ada")
    keep_week(anchored, published=2)
    assert registration is not None
    anchored.chain.identity.adopt("ada", 0)
    with pytest.raises(InvalidInput, match="already anchored with another hash"):
        anchored.chain.anchors.anchor("ada", WEEK)
    assert anchored.chain.sender.recent() == []
    found = anchored.chain.anchors.verify("ada", WEEK)
    assert not found.ok and found.problems[0].startswith("the hash on chain is 0x")


def test_a_week_anchored_by_another_installation_is_recognized(anchored: Registry) -> None:
    anchored.fake.runtime.database.client.flushall()
    anchored.add("ada")
    keep_week(anchored)
    anchored.chain.identity.adopt("ada", 0)
    assert anchored.chain.anchors.anchor("ada", WEEK) is None
    assert anchored.chain.sender.recent() == []
    assert anchored.chain.anchors.verify("ada", WEEK).ok


def test_a_process_killed_before_sending_sends_the_stored_document_later(
    place: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    place.register()
    with monkeypatch.context() as patch:
        patch.setattr(place.chain.sender, "submit", killed)
        with pytest.raises(Killed):
            place.chain.anchors.anchor("ada", WEEK)
    # What was never sent is not shown either.
    with pytest.raises(NotFound):
        place.chain.anchors.public_text("ada", WEEK)
    assert place.chain.anchors.due() == [("ada", WEEK)]
    place.chain.handle(ANCHOR)
    (tx,) = [tx for tx in place.chain.sender.recent() if WEEK in tx.request.purpose]
    place.settle(tx.id)
    assert place.chain.anchors.verify("ada", WEEK).ok


def test_a_week_waits_for_approval_and_is_not_submitted_again(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path
) -> None:
    with registry(evm, ceos_home, ceos_simulator, tmp_path) as place:
        place.add()
        keep_week(place)
        place.register()
        file = tmp_path / "chain.toml"
        file.write_text(file.read_text().replace("[policy]", '[policy]\napprove_above_eth = "0"'))
        place.fake.runtime.__dict__.pop("chain")
        place.chain.anchors.handle()
        (tx,) = place.chain.sender.review_queue()
        # What waits for a person is nobody else's business, nor is what that person refuses.
        with pytest.raises(NotFound):
            place.chain.anchors.public_text("ada", WEEK)
        place.chain.sender.reject(tx.id, "no")
        with pytest.raises(NotFound):
            place.chain.anchors.public_text("ada", WEEK)
        place.chain.anchors.handle()
        assert place.chain.sender.review_queue() == [] and place.chain.anchors.due() == []
        again = place.chain.anchors.anchor("ada", WEEK)
        assert again is not None and again.id != tx.id


@pytest.mark.parametrize("epoch", ["2025-W53", "2026-W8", "2026-W54", "2026-W00", "../x", "2026-W08\n", "", "week"])
def test_a_malformed_week_is_refused(place: Registry, epoch: str) -> None:
    with pytest.raises(InvalidInput, match="is not a week"):
        place.chain.anchors.verify("ada", epoch)
    with pytest.raises(NotFound):
        place.chain.anchors.public_text("ada", epoch)


def test_a_week_without_a_score_has_nothing_to_anchor(place: Registry) -> None:
    place.register()
    with pytest.raises(NotFound, match="no score of 2026-W30"):
        place.chain.anchors.anchor("ada", "2026-W30")


# Checking


def test_an_anchored_score_is_verified(anchored: Registry) -> None:
    found = anchored.chain.anchors.verify("ada", WEEK)
    assert (found.ok, found.number, found.hash) == (True, 0, found.on_chain)
    assert found.problems == found.recomputed == found.in_file == found.stored == ()
    assert anchored.chain.anchors.verify("ada", WEEK, document(anchored)).ok


def test_a_score_that_is_not_anchored_is_not_verified(place: Registry) -> None:
    place.register()
    assert place.chain.anchors.verify("ada", WEEK).problems == (f"no hash of {WEEK} is anchored for number 0",)


CHANGES = [
    (("inputs", "posts", 2, "likes"), 15, ["inputs.posts[2].likes: anchored 14, in the file 15", "score."]),
    (("inputs", "posts", 0, "followers"), None, ["inputs.posts[0].followers: anchored 310, in the file null"]),
    (("inputs", "posts", 1, "quotes"), 0, ["inputs.posts[1].quotes: anchored null, in the file 0"]),
    (("inputs", "missed"), 0, ["inputs.missed: anchored 1, in the file 0", "score.uptime: anchored 80"]),
    (("score", "total"), 99.9, ["score.total: anchored 99.9, computed again"]),
    (("score", "growth"), 0, ["score.growth: anchored 0, computed again"]),
    (
        ("version",),
        3,
        ["version: anchored 2, in the file 3", "its score is of version 3; this ceos computes the versions 1, 2"],
    ),
    (("number",), 5, ["the document belongs to number 5, and ada is number 0"]),
    (("registry",), f"eip155:1:{ACCOUNTS[0]}", ["the document belongs to the registry eip155:1:"]),
    (("agent",), "ben", ["the document is about ben", "its inputs are those of ada"]),
    (("inputs", "week"), LATER, [f"its inputs are those of ada in {LATER}"]),
]


def test_verification_names_every_changed_value_of_a_document(anchored: Registry) -> None:
    for path, value, lines in CHANGES:
        shown = document(anchored)
        *inner, last = path
        target: Any = shown
        for name in inner:
            target = target[name]
        target[last] = value
        found = anchored.chain.anchors.verify("ada", WEEK, shown)
        assert not found.ok, path
        assert any(problem.startswith("the hash on chain is") for problem in found.problems), path
        for line in lines:
            assert any(problem.startswith(line) for problem in found.problems), found.problems


@pytest.mark.parametrize("version", list(scores.FORMULAS))
def test_a_score_by_an_earlier_version_of_the_formula_is_still_verified(place: Registry, version: int) -> None:
    keep_week(place, week=LATER, version=version)
    place.register()
    tx = place.chain.anchors.anchor("ada", LATER)
    assert tx is not None and place.settle(tx.id).status is TxStatus.FINAL
    found = place.chain.anchors.verify("ada", LATER)
    assert json.loads(place.chain.anchors.public_text("ada", LATER))["version"] == version
    assert found.ok, found.problems


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda shown: shown.pop("score"), id="no score"),
        pytest.param(lambda shown: shown.update(extra=1), id="something more"),
        pytest.param(lambda shown: shown["inputs"].update(extra=1), id="something more inside"),
        pytest.param(lambda shown: shown["inputs"]["posts"][0].update(likes="14"), id="a text for a number"),
        pytest.param(lambda shown: shown["inputs"]["posts"][0].update(likes=True), id="a truth for a number"),
        pytest.param(lambda shown: shown["inputs"]["posts"][0].update(likes=-1), id="less than nothing"),
        pytest.param(lambda shown: shown["inputs"]["posts"][0].update(likes=1.5), id="half a like"),
        pytest.param(lambda shown: shown["score"].update(total="x"), id="a score that is none"),
        pytest.param(lambda shown: shown["score"].update(total=math.inf), id="a score without end"),
        pytest.param(lambda shown: shown.update(number=-1), id="a number below 0"),
        pytest.param(lambda shown: shown.clear(), id="nothing"),
    ],
)
def test_a_malformed_document_is_refused_with_a_reason(change: Any) -> None:
    about = {"agent": "ada", "epoch": WEEK, "version": 1, "registry": "eip155:8453:0x1", "number": 0}
    numbers = score(inputs()).model_dump(exclude={"version"})
    shown = {**about, "score": numbers, "inputs": inputs().model_dump(mode="json")}
    assert ScoreDocument.of(shown).inputs == inputs()
    change(shown)
    with pytest.raises(InvalidInput) as error:
        ScoreDocument.of(shown)
    assert str(error.value).endswith(".") and len(str(error.value).splitlines()) == 1


def test_verification_names_values_changed_in_redis(anchored: Registry) -> None:
    client: Any = anchored.fake.runtime.database.client
    week = json.loads(client.hget("ceos:scores:ada", WEEK))
    week["inputs"]["posts"][2]["likes"] = 15
    client.hset("ceos:scores:ada", WEEK, json.dumps(week))
    found = anchored.chain.anchors.verify("ada", WEEK)
    assert not found.ok
    assert found.problems == ("inputs.posts[2].likes: anchored 14, stored now 15",)
    # And so is a change of what was kept to be shown.
    key = f"ceos:anchors:{anchored.name}:ada"
    kept = json.loads(client.hget(key, WEEK))
    kept["text"] = kept["text"].replace('"likes":14', '"likes":15')
    client.hset(key, WEEK, json.dumps(kept))
    found = anchored.chain.anchors.verify("ada", WEEK)
    assert not found.ok and found.problems[0].startswith("the hash on chain is")


def test_verification_finds_a_score_that_does_not_follow_from_its_inputs(place: Registry) -> None:
    client: Any = place.fake.runtime.database.client
    week = json.loads(client.hget("ceos:scores:ada", WEEK))
    week["score"]["total"] = 99.0
    client.hset("ceos:scores:ada", WEEK, json.dumps(week))
    place.register()
    tx = place.chain.anchors.anchor("ada", WEEK)
    assert tx is not None
    place.settle(tx.id)
    found = place.chain.anchors.verify("ada", WEEK)
    assert found.hash == found.on_chain and not found.ok
    assert found.problems == (f"score.total: anchored 99, computed again {score(inputs()).total}",)


@pytest.mark.slow
def test_a_third_party_verifies_a_score_with_its_document_and_a_node(anchored: Registry, tmp_path: Path) -> None:
    shown = anchored.chain.anchors.public_text("ada", WEEK)
    home = tmp_path / "stranger"
    home.mkdir()
    file = home / "chain.toml"
    file.write_text(f'[[contract]]\nname = "identity"\naddress = "{anchored.identity.address}"\nabi = "identity"\n')
    environ = clean_environ(home, BASE_RPC_URL=anchored.evm.url, CEOS_CHAIN_FILE=str(file))
    (home / "good.json").write_bytes(shown)
    good = ceos_process(
        "chain", "verify", WEEK, "ada", "--number", "0", "--file", "good.json", environ=environ, cwd=home
    )
    assert (good.code, good.err) == (0, "") and "matches the hash anchored for number 0" in good.out


def test_the_history_shows_a_hash_that_was_replaced(anchored: Registry) -> None:
    chain, shown = anchored.chain, document(anchored)
    found = chain.anchors.verify("ada", WEEK, with_history=True)
    (written,) = found.written
    assert found.ok and f"0x{written.value.hex()}" == found.hash
    # The operator has second thoughts, and hides the first ones.
    shown["inputs"]["published"] = 9
    shown["score"] = score(inputs(published=9)).model_dump(exclude={"version"})
    key, value = f"ceos.score.{WEEK}", bytes.fromhex(digest_of(canonical(shown))[2:])
    tx = chain.sender.submit(chain.identity.metadata_request("ada", key, value), key="second thoughts")
    anchored.settle(tx.id)
    # What belongs to other numbers and keys is no business of this one.
    for word in ("motto", "ceos.score.2026-W09"):
        other = chain.identity.metadata_request("ada", word, b"x")
        anchored.settle(chain.sender.submit(other, key=word).id)
    anchored.fake.runtime.database.client.delete(f"ceos:anchors:{anchored.name}:ada", "ceos:scores:ada")
    assert chain.anchors.verify("ada", WEEK, shown).ok
    found = chain.anchors.verify("ada", WEEK, shown, with_history=True)
    assert [one.value for one in found.written] == [written.value, value]
    (problem,) = found.problems
    assert problem.startswith(f"the hash of {WEEK} was written 2 times: 0x{written.value.hex()} at ")


@pytest.mark.parametrize(
    ("week", "is_now"), [("2031-W05", False), ("", True)], ids=["before the week began", "before it was over"]
)
def test_the_history_shows_a_hash_written_before_the_end_of_its_week(place: Registry, week: str, is_now: bool) -> None:
    place.register()
    chain = place.chain
    if is_now:
        week = week_of(dt.datetime.fromtimestamp(chain.client.head().timestamp, dt.UTC))
    keep_week(place, week=week)
    tx = chain.anchors.anchor("ada", week)
    assert tx is not None
    place.settle(tx.id)
    assert chain.anchors.verify("ada", week).ok
    (problem,) = chain.anchors.verify("ada", week, with_history=True).problems
    assert ("before the end of that week" if is_now else "it was written before that week") in problem


def test_a_hash_without_a_history_is_not_verified(anchored: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchored.chain.client, "logs", lambda *_: [])
    (problem,) = anchored.chain.anchors.verify("ada", WEEK, with_history=True).problems
    assert "the node does not return all logs" in problem


def test_an_error_of_one_registration_does_not_delay_other_agents(
    place: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.register()
    place.fake.clock.set(dt.datetime(2026, 3, 4, tzinfo=dt.UTC))
    anchors: Any = place.chain.anchors
    once = place.chain.identity.refresh_registration

    def refresh(agent_id: str) -> Any:
        if agent_id == "ben":
            raise CeosError("The transaction has registered nothing.")
        return once(agent_id)

    monkeypatch.setattr(place.chain.identity, "refresh_registration", refresh)
    monkeypatch.setattr(anchors, "_config", anchors._config.model_copy(update={"anchor": ("ben", "ada")}))
    assert anchors.due() == [("ada", WEEK)]


def test_a_document_of_another_agent_of_the_same_name_is_verified_by_its_own_number(anchored: Registry) -> None:
    """Another operator has an agent ada too, number 1, which our own registration must not affect."""
    anchored.register_others()
    shown = copy.deepcopy(document(anchored))
    found = inputs(published=9)
    shown.update(number=1, inputs=found.model_dump(mode="json"), score=score(found).model_dump(exclude={"version"}))
    data = anchored.identity.encode(
        "setMetadata(uint256,string,bytes)", 1, f"ceos.score.{WEEK}", bytes.fromhex(digest_of(canonical(shown))[2:])
    )
    anchored.evm.send(anchored.identity.address, data, sender=ACCOUNTS[3])
    assert anchored.chain.anchors.verify("ada", WEEK, shown, number=1).problems == ()
    assert not anchored.chain.anchors.verify("ada", WEEK, shown).ok
    assert not anchored.chain.anchors.verify("ada", WEEK, document(anchored), number=1).ok


# The commands


def test_the_commands_anchor_and_verify(
    place: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.register()
    with terminal(capsys) as ceos:
        nothing = ceos("chain", "verify", WEEK, "ada")
        assert nothing.code == 1 and f"no hash of {WEEK} is anchored" in nothing.out
        assert ceos("chain", "anchor", WEEK, "ada", "--dry-run").code == 0
        assert place.chain.identity.metadata(0, f"ceos.score.{WEEK}") == b""
        assert ceos("chain", "anchor", WEEK, "ada").code == 0
        shown = ceos("chain", "verify", WEEK, "ada")
        assert "Written on" in ceos("chain", "verify", WEEK, "ada", "--history").out
        assert shown.code == 0 and place.chain.anchors.document("ada", WEEK)["agent"] == "ada"
        assert place.chain.anchors.verify("ada", WEEK).hash in shown.out
        file = tmp_path / "doc.json"
        changed = document(place)
        changed["inputs"]["posts"][2]["likes"] = 15
        file.write_text(json.dumps(changed))
        told = ceos("chain", "verify", WEEK, "ada", "--file", str(file))
        assert told.code == 1 and "  inputs.posts[2].likes: anchored 14, in the file 15\n" in told.out
        data = ceos("chain", "verify", WEEK, "ada", "--file", str(file), "--json").data
        assert (data["ok"], data["differences"]["file"]) == (
            False, [{"path": "inputs.posts[2].likes", "anchored": 14, "now": 15}],
        )  # fmt: skip
        file.write_text("[]")
        assert ceos("chain", "verify", WEEK, "ada", "--file", str(file)).code == 2
        file.write_text(" " * 2_000_000)
        assert "longer than 1,048,576 bytes" in ceos("chain", "verify", WEEK, "ada", "--file", str(file)).err
        assert ceos("chain", "verify", WEEK, "carl").code == 2


def test_a_document_hashes_the_same_without_our_code(anchored: Registry, tmp_path: Path) -> None:
    script = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    text = anchored.chain.anchors.public_text("ada", WEEK)
    done = subprocess.run([sys.executable, "-c", script], input=text, capture_output=True, check=True, cwd=tmp_path)
    assert f"0x{done.stdout.decode().strip()}" == anchored.chain.anchors.verify("ada", WEEK).on_chain
