"""Accounts: where keys come from, what is signed with them, and that nobody ever sees one."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from helpers.evm import ACCOUNTS, KEYS, SEED_PHRASE, Evm
from helpers.terminal import Outcome, agent_file, clean_environ, terminal

from ceos.chain.tx.wallets import (
    FIELDS,
    PAYMENT,
    PAYMENT_FIELDS,
    Wallets,
    derivation_path,
    new_keystore,
    new_seed_phrase,
)
from ceos.config.agents import parse_agents
from ceos.errors import InvalidInput, KeyRefused, WrongChain
from ceos.logs import redact
from ceos.settings import Settings
from ceos.testing import fake_runtime

PASSWORD = "correct horse"
#: Of the vector in the specification of payments, on Base Sepolia.
ELEVENS, OTHER = "0x" + 32 * "11", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
ELEVENS_ACCOUNT = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"

TRANSACTION: dict[str, Any] = {
    "type": 2,
    "chainId": 8453,
    "nonce": 0,
    "to": ACCOUNTS[1],
    "value": 10**17,
    "data": "0x",
    "gas": 30_000,
    "maxFeePerGas": 10**10,
    "maxPriorityFeePerGas": 10**6,
}


def wallets(*, chain_id: int = 8453, **variables: str) -> Wallets:
    """Return the wallets of an environment."""
    return Wallets.from_settings(Settings.from_env({**variables, "BASE_CHAIN_ID": str(chain_id)}, dotenv=None))


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A key file and its account; making one takes a second."""
    address, document = new_keystore(PASSWORD)
    path = tmp_path_factory.mktemp("keys") / "wallet.json"
    path.write_text(json.dumps(document))
    return path, address


Run = Callable[..., Outcome]


@pytest.fixture
def command(ceos_home: Path, ceos_simulator: Any, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run commands with an agent `ada` and the given variables."""

    def run(*words: str, **variables: str) -> Outcome:
        with fake_runtime(ceos_home, simulator=ceos_simulator, **variables) as fake, terminal(capsys) as at_terminal:
            fake.runtime.apply(parse_agents(agent_file(), "ada.toml"))
            return at_terminal(*words)

    yield run


def test_with_one_key_all_have_one_account() -> None:
    for key in (KEYS[0], KEYS[0][2:], KEYS[0].upper().replace("X", "x"), f" {KEYS[0]}\n"):
        found = wallets(BASE_PRIVATE_KEY=key)
        assert found.address() == found.address("ada") == ACCOUNTS[0]
        assert (found.source, found.path("ada")) == ("key", "")


def test_with_a_seed_every_agent_has_an_account_of_its_own() -> None:
    found = wallets(BASE_SEED_PHRASE=f"  {SEED_PHRASE.replace(' ', '  ')} ")
    assert found.address() == ACCOUNTS[0]
    assert found.path() == "m/44'/60'/0'/0/0"
    # Written down: another result here would move every agent's money out of reach.
    assert found.path("ada") == derivation_path("ada") == "m/44'/60'/1313860756'/0/891867881"
    assert found.address("ada") == "0xB1216c5D3DE85AF0A232dd31B9f7ce3bE3146eea"
    assert len({found.address(f"agent-{number}") for number in range(8)}) == 8


def test_paths_stay_within_what_derivation_knows() -> None:
    for number in range(2000):
        first, second = re.fullmatch(r"m/44'/60'/(\d+)'/0/(\d+)", derivation_path(f"a{number}")).groups()  # type: ignore[union-attr]
        assert max(int(first), int(second)) < 2**31
    assert len({derivation_path(f"a{number}") for number in range(2000)}) == 2000


def test_a_key_file_is_opened_once_with_its_password(
    keystore: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, address = keystore
    found = wallets(BASE_KEYSTORE=str(path), BASE_KEYSTORE_PASSWORD=PASSWORD)
    assert (found.address("ada"), found.source) == (address, "keystore")
    monkeypatch.setattr(Account, "decrypt", None)
    assert found.address("bob") == address


@pytest.mark.parametrize(
    ("variables", "error", "message"),
    [
        ({}, KeyRefused, "There is no key to sign with: set BASE_PRIVATE_KEY, BASE_KEYSTORE or BASE_SEED_PHRASE"),
        ({"BASE_PRIVATE_KEY": "0x12"}, KeyRefused, "BASE_PRIVATE_KEY is not a private key of 64 hex digits"),
        ({"BASE_PRIVATE_KEY": "0x" + 64 * "0"}, KeyRefused, "BASE_PRIVATE_KEY is outside the range of private keys"),
        ({"BASE_PRIVATE_KEY": "0x" + 64 * "f"}, KeyRefused, "BASE_PRIVATE_KEY is outside the range of private keys"),
        (
            {"BASE_SEED_PHRASE": "one two three"},
            KeyRefused,
            "BASE_SEED_PHRASE is not a seed phrase of 12 to 24 English",
        ),
        (
            {"BASE_SEED_PHRASE": SEED_PHRASE.replace("junk", "test")},
            KeyRefused,
            "BASE_SEED_PHRASE is not a seed phrase",
        ),
        ({"BASE_KEYSTORE": "/nowhere/w.json"}, KeyRefused, "BASE_KEYSTORE is set without its password"),
        (
            {"BASE_KEYSTORE": "/nowhere/w.json", "BASE_KEYSTORE_PASSWORD": PASSWORD},
            KeyRefused,
            "BASE_KEYSTORE cannot be read: /nowhere/w.json: No such file",
        ),
        (
            {"BASE_PRIVATE_KEY": KEYS[0], "BASE_SEED_PHRASE": SEED_PHRASE},
            InvalidInput,
            "BASE_PRIVATE_KEY and BASE_SEED_PHRASE are set; keep one of them",
        ),
    ],
)
def test_what_is_wrong_with_a_key_is_said_without_the_key(
    variables: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refusal:
        wallets(**variables).address("ada")
    assert str(refusal.value).startswith(message)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "is not JSON"),
        ("[]", "has another format"),
        ('{"crypto": {}, "version": 3}', "has another format"),
        (None, "does not open"),
    ],
)
def test_a_key_file_that_does_not_open_is_named(
    content: str | None, message: str, keystore: tuple[Path, str], tmp_path: Path
) -> None:
    path = tmp_path / "w.json"
    path.write_text(keystore[0].read_text() if content is None else content)
    with pytest.raises(KeyRefused, match=message):
        wallets(BASE_KEYSTORE=str(path), BASE_KEYSTORE_PASSWORD="wrong horse").address()


def test_a_broken_key_keeps_nobody_from_anything_else() -> None:
    assert repr(wallets(BASE_PRIVATE_KEY="0x12")) == "<Wallets from key>"


def test_keys_do_not_show_in_texts_logs_or_copies(caplog: pytest.LogCaptureFixture) -> None:
    found = wallets(BASE_SEED_PHRASE=SEED_PHRASE)
    found.address()
    key = KEYS[0][2:]
    logging.getLogger("ceos").warning("It is %s, %r, or %s", found, vars(found), SEED_PHRASE)
    assert key not in caplog.text
    for secret in (key, KEYS[0], key.upper(), SEED_PHRASE, repr(bytes.fromhex(key))):
        assert secret not in redact(f"x{secret}y")
    for steal in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="wallets cannot be copied or stored"):
            steal(found)


def test_a_transaction_is_signed_as_a_node_wants_it(evm: Evm) -> None:
    fields = {**TRANSACTION, "nonce": int(evm.rpc("eth_getTransactionCount", ACCOUNTS[0], "latest"), 16)}
    raw, hash = wallets(BASE_PRIVATE_KEY=KEYS[0]).sign_transaction("ada", fields)
    before = int(evm.rpc("eth_getBalance", ACCOUNTS[1], "latest"), 16)
    assert evm.rpc("eth_sendRawTransaction", raw) == hash
    evm.mine()
    assert int(evm.rpc("eth_getBalance", ACCOUNTS[1], "latest"), 16) - before == 10**17


def test_signing_again_gives_the_same_bytes() -> None:
    """So whoever comes back after a crash sends what was sent before, and not another transaction."""
    first, second = (wallets(BASE_PRIVATE_KEY=KEYS[0]).sign_transaction("", TRANSACTION) for _ in range(2))
    assert first == second
    assert re.fullmatch(r"0x02[0-9a-f]+ 0x[0-9a-f]{64}", " ".join(first))


@pytest.mark.parametrize(
    "change",
    [
        {"chainId": 1},
        {"chainId": "8453"},
        {"chainId": True},
        {"type": 0},
        {"type": 1},
        {"type": 3},
        {"type": 4},
        {"type": "0x2"},
        {"to": ""},
        {"to": None},
        {"to": ACCOUNTS[1].lower()},
        {"to": bytes.fromhex(ACCOUNTS[1][2:])},
        {"value": -1},
        {"value": 0.5},
        {"value": 2**256},
        {"nonce": -1},
        {"nonce": None},
        {"gas": "30000"},
        {"data": b"\x00"},
        {"data": "0x0"},
        {"data": "60"},
        {"gasPrice": 1},
        {"accessList": []},
        {"authorizationList": []},
        {"blobVersionedHashes": []},
        {"from": ACCOUNTS[0]},
    ],
    ids=str,
)
def test_nothing_but_a_transaction_of_type_2_is_signed(change: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, WrongChain), match="nothing was signed"):
        wallets(BASE_PRIVATE_KEY=KEYS[0]).sign_transaction("", {**TRANSACTION, **change})


@pytest.mark.parametrize("missing", sorted(FIELDS))
def test_a_transaction_without_one_of_its_fields_is_not_signed(missing: str) -> None:
    fields = {name: value for name, value in TRANSACTION.items() if name != missing}
    with pytest.raises(InvalidInput, match=f"missing or unknown fields .{missing}.; nothing was signed"):
        wallets(BASE_PRIVATE_KEY=KEYS[0]).sign_transaction("", fields)


DOMAIN: dict[str, Any] = {
    "name": "USDC",
    "version": "2",
    "chainId": 84532,
    "verifyingContract": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
}
TYPES: dict[str, Any] = {PAYMENT: [{"name": name, "type": type} for name, type in PAYMENT_FIELDS]}
MESSAGE: dict[str, Any] = {
    "from": ELEVENS_ACCOUNT,
    "to": OTHER,
    "value": 10000,
    "validAfter": 0,
    "validBefore": 1740672154,
    "nonce": bytes.fromhex(32 * "22"),
}


def test_a_payment_is_signed_as_the_specification_has_it() -> None:
    signature = wallets(BASE_PRIVATE_KEY=ELEVENS, chain_id=84532).sign_typed_data("", DOMAIN, TYPES, MESSAGE)
    assert signature == (
        "0x539b619eda328caaf639e244cd5cadf32c58c4a66d79814f36705ff0c58382b3"
        "5ca8dbb3389e8f7178d35734e14f25c45670b861fffbdcce53300668b8b3be691c"
    )


@pytest.mark.parametrize(
    ("domain", "types", "message"),
    [
        ({"chainId": 8453}, {}, {}),
        ({"chainId": "84532"}, {}, {}),
        ({"salt": b"1"}, {}, {}),
        ({"verifyingContract": "0x12"}, {}, {}),
        ({}, {"Permit": [{"name": "owner", "type": "address"}]}, {}),
        ({}, {PAYMENT: [*TYPES[PAYMENT], {"name": "more", "type": "bytes"}]}, {}),
        ({}, {PAYMENT: TYPES[PAYMENT][::-1]}, {}),
        ({}, {}, {"from": OTHER}),
        ({}, {}, {"to": OTHER.lower()}),
        ({}, {}, {"value": -1}),
        ({}, {}, {"value": "much"}),
        ({}, {}, {"value": True}),
        ({}, {}, {"validBefore": 2**256}),
        ({}, {}, {"nonce": b"22"}),
        ({}, {}, {"nonce": "0x" + 64 * "2"}),
        ({}, {}, {"spender": OTHER}),
    ],
    ids=str,
)
def test_nothing_but_our_own_payment_is_signed(
    domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any]
) -> None:
    found = wallets(BASE_PRIVATE_KEY=ELEVENS, chain_id=84532)
    with pytest.raises((InvalidInput, WrongChain)):
        found.sign_typed_data("", {**DOMAIN, **domain}, {**TYPES, **types}, {**MESSAGE, **message})


def test_a_permit_is_not_signed_in_the_place_of_a_payment() -> None:
    permit = {"Permit": [{"name": name, "type": "uint256"} for name in ("owner", "spender", "value")]}
    with pytest.raises(InvalidInput, match="Only a TransferWithAuthorization"):
        wallets(BASE_PRIVATE_KEY=ELEVENS, chain_id=84532).sign_typed_data("", DOMAIN, permit, {})


def test_a_new_seed_leads_to_the_account_it_names() -> None:
    address, phrase = new_seed_phrase()
    assert len(phrase.split()) == 12
    assert wallets(BASE_SEED_PHRASE=phrase).address() == address
    assert phrase not in redact(f"the words are {phrase}")


def test_a_new_key_file_is_only_its_owners_and_never_written_over(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "wallet.json"
    made = command("chain", "wallet", "new", "--file", str(path), BASE_KEYSTORE_PASSWORD=PASSWORD)
    assert made.code == 0, made.err
    address = re.search(r"The new account is (0x[0-9a-fA-F]{40})\.", made.out)
    assert address and f"Set BASE_KEYSTORE={path}" in made.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["wallet.json"]
    assert wallets(BASE_KEYSTORE=str(path), BASE_KEYSTORE_PASSWORD=PASSWORD).address() == address[1]
    content = path.read_bytes()
    again = command("chain", "wallet", "new", "--file", str(path), BASE_KEYSTORE_PASSWORD=PASSWORD)
    assert (again.code, path.read_bytes()) == (2, content)
    assert "may hold the only copy of a key; choose another file with --file" in again.err
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert command("chain", "wallet", "new", "--file", str(link), BASE_KEYSTORE_PASSWORD=PASSWORD).code == 2
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("words", "variables", "message"),
    [
        ((), {}, "There is no terminal to ask for a password; set BASE_KEYSTORE_PASSWORD"),
        ((), {"BASE_KEYSTORE_PASSWORD": "short"}, "The password has fewer than 8 characters"),
        (("--seed",), {}, "A seed phrase is shown only on a terminal"),
        (("--seed", "--file", "x"), {}, "A seed phrase is not written to a file"),
        (("--file", "/proc/none/w.json"), {"BASE_KEYSTORE_PASSWORD": PASSWORD}, "/proc/none/w.json cannot be written"),
    ],
)
def test_no_key_is_made_that_could_not_be_kept(
    words: tuple[str, ...], variables: dict[str, str], message: str, command: Run, tmp_path: Path
) -> None:
    place = () if words else ("--file", str(tmp_path / "w.json"))
    done = command("chain", "wallet", "new", *words, *place, **variables)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not list(tmp_path.iterdir())


def test_a_new_seed_phrase_is_shown_on_the_terminal_and_nowhere_else(tmp_path: Path) -> None:
    shown, ours = pty.openpty()
    words = [sys.executable, "-m", "ceos", "chain", "wallet", "new", "--seed"]
    environ = clean_environ(tmp_path, CEOS_LOG_LEVEL="debug")
    done = subprocess.run(words, env=environ, cwd=tmp_path, stdout=ours, stderr=subprocess.PIPE, timeout=60, check=True)
    text = os.read(shown, 10_000).decode()
    os.close(ours)
    os.close(shown)
    phrase, address = text.split("\r\n")[0], re.search(r"operator's account is (0x\w{40})", text)
    assert address and wallets(BASE_SEED_PHRASE=phrase).address() == address[1]
    assert phrase.split()[0].encode() not in done.stderr
    assert not any(phrase.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_accounts_are_shown_with_their_balances(command: Run, evm: Evm) -> None:
    variables = {"BASE_SEED_PHRASE": SEED_PHRASE, "BASE_RPC_URL": evm.url}
    evm.rpc("anvil_setBalance", ACCOUNTS[0], hex(3 * 10**17))
    assert command("chain", "wallet", "show", "--all", "--json", **variables).data == [
        {
            "agent": "",
            "address": ACCOUNTS[0],
            "source": "seed",
            "path": "m/44'/60'/0'/0/0",
            "balance_wei": "300000000000000000",
        },
        {
            "agent": "ada",
            "address": "0xB1216c5D3DE85AF0A232dd31B9f7ce3bE3146eea",
            "source": "seed",
            "path": derivation_path("ada"),
            "balance_wei": "0",
        },
    ]
    shown = command("chain", "wallet", "show", **variables)
    assert re.search(rf"the operator +{ACCOUNTS[0]} +seed +m/44\S+ +0\.3 ETH", shown.out)
    assert "ada" not in shown.out
    assert "ada" in command("chain", "wallet", "show", "ada", **variables).out
    assert command("chain", "wallet", "show", "bob", **variables).code == 2


def test_accounts_are_shown_where_no_node_answers(command: Run) -> None:
    variables = {"BASE_PRIVATE_KEY": KEYS[0], "BASE_RPC_URL": "http://127.0.0.1:1"}
    shown = command("chain", "wallet", "show", "--json", **variables)
    assert (shown.code, shown.data[0]["address"], shown.data[0]["balance_wei"]) == (0, ACCOUNTS[0], None)
    assert "Without balances: " in shown.err
    assert KEYS[0][2:] not in shown.out + shown.err


def test_without_a_key_the_way_to_one_is_shown(command: Run) -> None:
    shown = command("chain", "wallet", "show")
    assert shown.code == 1
    assert "'ceos chain wallet new' creates one" in shown.err
