"""Agents in the registries of ERC-8004: one entry each despite crashes and concurrent calls; and feedback."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from helpers.erc8004_setup import PUBLIC_URL, Registry, registry
from helpers.evm import ACCOUNTS, Evm
from helpers.terminal import clean_environ, terminal
from helpers.web_app import Site

from ceos.chain.erc8004.reputation import fixed_point
from ceos.chain.tx.types import TxStatus
from ceos.errors import InvalidInput, NotFound, PolicyRefused
from ceos.supervisor import wait_until
from ceos.testing import ADA
from ceos.web import agents as pages
from ceos.web.listener import listen


@pytest.fixture
def place(evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path) -> Iterator[Registry]:
    with registry(evm, ceos_home, ceos_simulator, tmp_path) as found:
        yield found


# Registering


def test_the_first_agent_of_a_registry_is_number_0(place: Registry) -> None:
    account = place.add()
    assert place.register() == 0
    found = place.chain.identity.status("ada")
    assert (found.token_id, found.exists, found.owner, found.wallet) == (0, True, account, account)
    assert (found.uri, found.uri_is_ours) == (f"{PUBLIC_URL}/agents/ada/registration.json", True)


def test_registering_twice_submits_one_transaction(place: Registry) -> None:
    place.add()
    number = place.register()
    again = place.chain.identity.register("ada")
    assert (again.token_id, again.is_final, place.minted()) == (number, True, 1)


@pytest.mark.parametrize("to_the_letter", [False, True])
def test_the_number_is_taken_from_the_log_of_our_own_transaction(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path, to_the_letter: bool
) -> None:
    with registry(evm, ceos_home, ceos_simulator, tmp_path, to_the_letter=to_the_letter) as place:
        place.add()
        place.register_others(2)
        evm.automine(False)
        known = place.chain.identity.register("ada")
        place.chain.sender.process(known.tx or "")
        data = place.identity.encode("register(string)", "https://x")
        # A stranger pays so much that it comes first in the same block.
        evm.rpc("eth_sendTransaction", {
            "from": ACCOUNTS[3], "to": place.identity.address, "data": data, "gas": hex(10**6),
            "maxPriorityFeePerGas": hex(10**11), "maxFeePerGas": hex(10**12),
        })  # fmt: skip
        evm.mine()
        place.register_others()
        evm.automine(True)
        assert place.settle(known.tx).status is TxStatus.FINAL
        assert place.minted() == 5
        assert place.chain.identity.registered("ada").token_id == 3


def test_concurrent_registrations_submit_one_transaction(place: Registry) -> None:
    place.add()
    barrier, found = threading.Barrier(6), []

    def work() -> None:
        barrier.wait(60)
        found.append(place.chain.identity.register("ada").tx)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    place.settle(found[0])
    assert len(found) == 6 and len(set(found)) == 1
    assert place.minted() == 1


@pytest.mark.parametrize("where", ["before the entry is kept", "before it is sent", "after it is mined"])
def test_a_process_killed_while_registering_gets_one_entry(
    place: Registry, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    place.add()
    identity: Any = place.chain.identity

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if where == "before the entry is kept":
            patch.setattr(identity._identities, "save_registration", killed)
            with pytest.raises(Killed):
                identity.register("ada")
        else:
            known = identity.register("ada")
            if where == "after it is mined":
                place.chain.sender.wait(known.tx, 20)
    # Another process begins again, and its address may have changed in the meantime.
    identity._public_url = "https://elsewhere.example"
    known = identity.register("ada")
    assert place.settle(known.tx).status is TxStatus.FINAL
    found = identity.registered("ada")
    assert (found.token_id, place.minted()) == (0, 1)
    assert found.uri == place.chain.identity.registry_entry(0).uri == f"{PUBLIC_URL}/agents/ada/registration.json"
    assert not place.chain.identity.registry_entry(0).uri_is_ours


def test_workers_complete_a_registration(place: Registry) -> None:
    place.add()
    known = place.chain.identity.register("ada")
    assert set(place.chain.due_queue.task_ids()) == {known.tx, "register/ada"}
    for _ in range(4):
        for name in place.chain.due_queue.task_ids():
            place.chain.handle(name)
        place.evm.mine(2)
    assert place.chain.identity.registration("ada").is_final  # type: ignore[union-attr]
    assert place.chain.due_queue.task_ids() == []


def test_a_re_org_before_it_is_final_may_change_the_number(place: Registry) -> None:
    place.add()
    mark = place.evm.snapshot()
    known = place.chain.identity.register("ada")
    place.chain.sender.wait(known.tx or "", 20)
    early = place.chain.identity.refresh_registration("ada")
    assert early is not None and (early.token_id, early.is_final) == (0, False)
    assert place.chain.identity.domain_file() == {"registrations": []}
    place.evm.revert(mark)
    place.register_others(1)
    place.evm.mine(2)
    place.settle(known.tx)
    place.settle(known.tx)
    assert place.chain.identity.registered("ada").token_id == 1


def test_a_registration_that_was_not_approved_can_be_repeated(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path
) -> None:
    with registry(evm, ceos_home, ceos_simulator, tmp_path, approval='approve_above_eth = "0"') as place:
        place.add()
        first = place.chain.identity.register("ada")
        assert place.chain.sender.tx(first.tx or "").status is TxStatus.REVIEW
        place.chain.sender.reject(first.tx or "", "not yet")
        with pytest.raises(InvalidInput, match="not registered"):
            place.chain.identity.registered("ada")
        with pytest.raises(NotFound):
            place.chain.identity.public_file("ada")
        second = place.chain.identity.register("ada")
        assert second.tx != first.tx
        place.chain.sender.approve(second.tx or "")
        assert place.settle(second.tx).status is TxStatus.FINAL
        assert place.chain.identity.registered("ada").token_id == 0


def test_an_agent_that_was_registered_from_elsewhere_is_not_registered_again(place: Registry) -> None:
    account = place.add()
    place.register()
    # The home is lost.
    place.fake.runtime.database.client.flushall()
    place.add()
    with pytest.raises(InvalidInput, match=f"account {account} owns 1 entries in the registry, and 1 of them"):
        place.chain.identity.register("ada")
    with pytest.raises(InvalidInput, match="does not exist"):
        place.chain.identity.adopt("ada", 7)
    assert place.chain.identity.adopt("ada", 0).token_id == 0
    assert place.chain.identity.adopt("ada", 0).token_id == 0
    assert place.chain.identity.register("ada").token_id == 0
    assert place.minted() == 1


def test_an_entry_of_another_owner_is_not_adopted(place: Registry) -> None:
    place.register_others()
    place.add()
    with pytest.raises(InvalidInput, match=f"Number 0 belongs to {ACCOUNTS[3]}"):
        place.chain.identity.adopt("ada", 0)
    place.register()
    with pytest.raises(InvalidInput, match="Number 0 belongs to"):
        place.chain.identity.adopt("ada", 0)


def test_agents_that_share_an_account_have_an_entry_each(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path
) -> None:
    from helpers.evm import KEYS

    keys = {"BASE_SEED_PHRASE": "", "BASE_PRIVATE_KEY": KEYS[1]}
    with registry(evm, ceos_home, ceos_simulator, tmp_path, **keys) as place:
        place.add("ada")
        place.add("ben")
        assert (place.register("ada"), place.register("ben")) == (0, 1)
        with pytest.raises(InvalidInput, match="ben already has number 1"):
            place.chain.identity.adopt("ben", 0)
        assert place.chain.identity.domain_file()["registrations"] == [
            {"agentId": 0, "agentRegistry": place.name},
            {"agentId": 1, "agentRegistry": place.name},
        ]


@pytest.mark.parametrize("url", ["", "http://agents.example"])
def test_nothing_is_registered_without_a_public_url(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path, url: str
) -> None:
    with registry(evm, ceos_home, ceos_simulator, tmp_path, CEOS_PUBLIC_URL=url) as place:
        place.add()
        with pytest.raises(InvalidInput, match="CEOS_PUBLIC_URL"):
            place.chain.identity.register("ada")
        assert place.chain.due_queue.task_ids() == []


# What the world may read


def test_the_registration_file_has_the_public_fields_only(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path
) -> None:
    offer = '[[x402.offer]]\nagent = "ada"\nskill = "link-digest"\nusd = "0.01"'
    with registry(evm, ceos_home, ceos_simulator, tmp_path, extra=offer) as place:
        place.add(limits={"usd_per_day": 7.77}, persona={**ADA["persona"], "avoid": ["my-secret-word"]})
        agent = place.fake.runtime.agents.agent("ada")
        before = place.chain.identity.registration_file(agent)
        assert before["registrations"] == []
        place.register()
        found = place.chain.identity.public_file("ada")
        assert found == {
            "type": "https://eips.ethereum.org/EIPS/eip-8004#registration-v1",
            "name": "Ada",
            "description": "An engineer of small machines.",
            "services": [
                {"name": "farcaster", "endpoint": f"https://farcaster.xyz/~/profiles/{agent.fid}"},
                {"name": "x402:link-digest", "endpoint": f"{PUBLIC_URL}/x402/ada/link-digest"},
            ],
            "x402Support": True,
            "active": True,
            "registrations": [{"agentId": 0, "agentRegistry": place.name}],
            "supportedTrust": ["reputation"],
        }
        place.fake.runtime.pause("ada")
        assert place.chain.identity.public_file("ada")["active"] is False


def test_the_web_app_shows_registered_agents_and_no_others(place: Registry) -> None:
    place.add("ada")
    place.add("ben")
    place.register("ada")
    with Site(None, pages=pages.Pages(place.chain.identity, place.chain.anchors)) as site:
        status, file = site.ask("GET", "/agents/ada/registration.json")
        assert (status, file["name"], file["registrations"][0]["agentId"]) == (200, "Ada", 0)
        assert site.ask("GET", "/.well-known/agent-registration.json") == (
            200,
            {"registrations": [{"agentId": 0, "agentRegistry": place.name}]},
        )
        nothing = (404, {"ok": False, "error": "There is nothing here."})
        assert site.ask("GET", "/agents/ben/registration.json") == nothing
        assert site.ask("GET", "/agents/carl/registration.json") == nothing
        assert site.ask("GET", "/agents/..%2fada/registration.json")[0] == 404
        assert site.ask("GET", "/agents/ada/scores/2026-W10.json") == nothing
        assert site.ask("GET", "/agents/ada/scores/nonsense.json") == nothing
        assert site.ask("POST", "/agents/ada/registration.json")[0] == 405
        # There are no webhooks without a secret.
        assert site.ask("POST", "/webhooks/neynar", b"{}")[0] == 404
        assert site.ask("GET", "/healthz") == (200, {"ok": True})
        place.fake.runtime.remove("ada")
        assert site.ask("GET", "/agents/ada/registration.json") == nothing
        assert site.ask("GET", "/.well-known/agent-registration.json") == (200, {"registrations": []})


# Metadata


def test_metadata_is_set_once_and_can_be_set_back(place: Registry) -> None:
    place.add()
    number = place.register()
    identity = place.chain.identity
    for value in (b"one", b"two", b"one"):
        tx = identity.set_metadata("ada", "motto", value)
        again = identity.set_metadata("ada", "motto", value)
        assert tx is not None and again is not None and again.id == tx.id
        place.settle(tx.id)
        assert identity.metadata(number, "motto") == value
        assert identity.set_metadata("ada", "motto", value) is None
    assert identity.metadata(99, "motto") == b""


@pytest.mark.parametrize("key", ["", "agentWallet", "ceos.score.2026-W10"])
def test_reserved_metadata_keys_are_not_set_by_hand(place: Registry, key: str) -> None:
    place.add()
    place.register()
    with pytest.raises(InvalidInput, match="cannot be set by hand"):
        place.chain.identity.set_metadata("ada", key, b"x")


def test_an_entry_follows_the_address_of_the_web_app(place: Registry) -> None:
    place.add()
    place.register()
    identity: Any = place.chain.identity
    assert identity.set_uri("ada") is None
    identity._public_url = "https://elsewhere.example"
    assert identity.status("ada").uri_is_ours is False
    place.settle(identity.set_uri("ada").id)
    assert identity.status("ada").uri == "https://elsewhere.example/agents/ada/registration.json"
    assert identity.status("ada").uri_is_ours


# Reputation


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("0", (0, 0)),
        ("-0", (0, 0)),
        ("87", (87, 0)),
        ("99.77", (9977, 2)),
        ("100.00", (100, 0)),
        ("1e3", (1000, 0)),
        ("-0.5", (-5, 1)),
        ("0.000000000000000001", (1, 18)),
        ("1e38", (10**38, 0)),
        ("12345678901234567890.123456789012345678", (12345678901234567890123456789012345678, 18)),
    ],
)
def test_a_value_is_kept_exactly(value: str, kept: tuple[int, int]) -> None:
    assert fixed_point(Decimal(value)) == kept


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "1e39", "0.0000000000000000001", "1.0000000000000000001", "1e999999", "1e-999999",
     "100000000000000000000000000000000000001", "123456789012345678901.123456789012345678"],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput):
        fixed_point(Decimal(value))


def test_feedback_is_given_once_and_read_as_a_mean(place: Registry) -> None:
    place.add("ada")
    place.add("ben")
    place.add("cleo")
    number = place.register("ada")
    reputation = place.chain.identity.reputation
    assert place.chain.identity.reputation.summary(number).value is None
    request = reputation.feedback_request("ben", number, Decimal("99.5"), tag1="starred")
    first = reputation.give_feedback(request)
    assert reputation.give_feedback(request).id == first.id
    place.settle(first.id)
    assert reputation.give_feedback(request).id == first.id
    assert place.chain.identity.reputation.summary(number).count == 1
    place.settle(reputation.give_feedback(request, key="again").id)
    place.settle(reputation.give_feedback(reputation.feedback_request("cleo", number, Decimal(20), tag1="uptime")).id)
    found = place.chain.identity.reputation.summary(number)
    assert (found.count, found.value, len(found.clients)) == (3, Decimal("73.0"), 2)
    trusted = place.chain.identity.reputation.summary(number, [place.chain.wallets.address("cleo")])
    assert (trusted.count, trusted.value) == (1, Decimal(20))
    assert place.chain.identity.reputation.summary(number, tag1="starred").value == Decimal("99.5")
    assert place.chain.identity.reputation.summary(number, tag1="nonsense").value is None


def test_feedback_on_an_own_or_unknown_number_is_refused(place: Registry) -> None:
    place.add()
    number = place.register()
    reputation = place.chain.identity.reputation
    with pytest.raises(InvalidInput, match="its owner cannot give feedback"):
        reputation.feedback_request("ada", number, Decimal(100))
    with pytest.raises(Exception, match="ERC721NonexistentToken"):
        reputation.feedback_request("ada", 77, Decimal(100))


def test_the_score_of_a_creator_is_read_by_the_configured_function(place: Registry) -> None:
    for _ in range(25):
        place.evm.send(place.counter.address, place.counter.encode("increase(string)", ""), sender=ACCOUNTS[1])
    assert place.chain.identity.reputation.creator_score(ACCOUNTS[1]) == Decimal("2.5")
    assert place.chain.identity.reputation.creator_score(ACCOUNTS[2]) == 0


def test_the_policy_decides_about_registrations_too(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path
) -> None:
    with registry(evm, ceos_home, ceos_simulator, tmp_path) as place:
        file = tmp_path / "chain.toml"
        file.write_text(file.read_text().replace('"register(string uri)",', ""))
        place.add()
        with pytest.raises(PolicyRefused):
            place.chain.identity.register("ada")
        assert place.chain.identity.registration("ada") is None and place.minted() == 0


# The commands


def test_the_commands_register_and_show_an_agent(place: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    place.add("ada")
    place.add("ben")
    with terminal(capsys) as ceos:
        dry = ceos("chain", "register", "ada", "--dry-run")
        assert dry.code == 0 and "register(" in dry.out and place.minted() == 0
        shown = ceos("chain", "register", "ada")
        assert shown.code == 0 and f"ada is number 0 in {place.name}" in shown.out
        place.evm.mine(2)
        again = ceos("chain", "register", "ada", "--json").data
        assert (again["token_id"], again["is_final"], again["status"]) == (0, True, "final")
        assert place.minted() == 1
        assert ceos("chain", "feedback", "0", "87.5", "--from", "ben", "--tag", "starred").code == 0
        assert "87.5 on average, 1 time, by 1 account" in ceos("chain", "reputation", "ada").out
        found = ceos("chain", "reputation", "0", "--tag", "starred", "--json").data
        assert (found["number"], found["count"], found["value"]) == (0, 1, "87.5")
        assert ceos("chain", "feedback", "0", "50", "--from", "ada").code == 2
        assert ceos("chain", "feedback", "0", "-5", "--from", "ben", "--dry-run", "--json").code == 0
        assert ceos("chain", "metadata", "ada", "motto", "go on").code == 0
        assert ceos("chain", "metadata", "ada", "motto").out == "go on\n"
        assert "no feedback" in ceos("chain", "reputation", "99").out
        unknown = ceos("chain", "register", "carl")
        assert unknown.code == 2 and "No agent named 'carl'" in unknown.err


def test_a_refusal_names_the_rule_and_nothing_is_left(
    evm: Evm, ceos_home: Path, ceos_simulator: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with registry(evm, ceos_home, ceos_simulator, tmp_path) as place, terminal(capsys) as ceos:
        file = tmp_path / "chain.toml"
        file.write_text(file.read_text().replace('"register(string uri)",', ""))
        place.add()
        for words in (["--dry-run"], []):
            shown = ceos("chain", "register", "ada", *words)
            assert (shown.code, shown.out) == (1, "")
            assert "rule function" in shown.err and len(shown.err.splitlines()) == 1
        assert place.chain.identity.registration("ada") is None


# The web app as a process


@pytest.mark.slow
def test_the_command_serves_the_pages_without_any_webhook(place: Registry, ceos_home: Path, tmp_path: Path) -> None:
    place.add()
    place.register()
    with listen("127.0.0.1", 0) as probe:
        host, port = probe.getsockname()
    environ = clean_environ(
        ceos_home, BASE_RPC_URL=place.evm.url, CEOS_CHAIN_FILE=str(tmp_path / "chain.toml"), CEOS_PUBLIC_URL=PUBLIC_URL,
        CEOS_WEB_PORT=str(port), CEOS_REDIS_URL=place.fake.runtime.redis_url,
    )  # fmt: skip
    with (tmp_path / "log").open("ab") as file:
        process = subprocess.Popen([sys.executable, "-m", "ceos", "web"], env=environ, cwd=tmp_path, stderr=file)

    def shown() -> Any:
        try:
            found = requests.get(f"http://{host}:{port}/agents/ada/registration.json", timeout=60)
        except requests.RequestException:
            return None
        return found if found.ok else None

    try:
        assert wait_until(lambda: shown() is not None, 300), (tmp_path / "log").read_text()
        assert shown().json()["registrations"] == [{"agentId": 0, "agentRegistry": place.name}]
        assert shown().headers["access-control-allow-origin"] == "*"
        assert requests.post(f"http://{host}:{port}/webhooks/neynar", data=b"{}", timeout=60).status_code == 404
        assert requests.get(f"http://{host}:{port}/healthz", timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
    finally:
        process.kill()
        process.wait()
    assert f"Public pages are served at http://{host}:{port}, for {PUBLIC_URL}." in (tmp_path / "log").read_text()


def test_deeply_nested_json_does_not_end_a_process_that_has_loaded_web3() -> None:
    script = (
        "import ceos.chain.wiring, json\n"
        "try:\n    json.loads('[' * 200_000)\n"
        "except RecursionError:\n    print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n")
