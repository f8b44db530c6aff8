"""`ceos chain …`, and transactions in `ceos draft …` and `ceos doctor`: what an operator sees, on a real chain."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.evm import ACCOUNTS, KEYS, SEED_PHRASE, Deployed, Evm
from helpers.imports import loaded
from helpers.pages import blocks
from helpers.terminal import Terminal, terminal

from ceos.chain.config.contracts import BUILT_IN
from ceos.chain.tx.types import TxRequest
from ceos.cli.chain import group as chain_group
from ceos.errors import InvalidInput
from ceos.evm.amounts import whole
from ceos.evm.values import as_json, units
from ceos.testing import FakeRuntime, fake_runtime

OWN, FRIEND, STRANGER = ACCOUNTS[1], ACCOUNTS[2], ACCOUNTS[3]

FILE = """
confirmations = 1
[[contract]]
name = "counter"
address = "{counter}"
abi = ["function increase(string words)", "function count() view returns (uint256)", "error TooMuch(uint256 number)",
  "function refuse(uint256 number)", "event Counted(address indexed who, uint256 indexed number, string words)"]
[[contract]]
name = "coin"
address = "{coin}"
abi = "erc20"
decimals = 6
[[subscription]]
name = "counts"
contract = "counter"
event = "Counted"
[policy]
chains = [8453]
max_eth = "1"
max_eth_per_day = "5"
approve_above_eth = "0.5"
recipients = ["{friend}"]
[[policy.allow]]
contract = "counter"
functions = ["increase(string words)", "refuse(uint256 number)"]
[[policy.allow]]
contract = "coin"
functions = ["transfer(address to, uint256 amount)"]
recipients = ["{friend}"]
amount = "amount"
max_amount = "5"
"""


class Desk:
    """A chain with two contracts, an operator with a key and a chain.toml, and a terminal."""

    def __init__(self, evm: Evm, fake: FakeRuntime, run: Terminal, counter: Deployed, coin: Deployed) -> None:
        self.evm = evm
        self.fake = fake
        self.run = run
        self.counter = counter
        self.coin = coin

    @property
    def chain(self) -> Any:
        return self.fake.runtime.chain

    def count(self) -> int:
        return int(self.run("chain", "call", "counter", "count").out)


@pytest.fixture
def desk(evm: Evm, ceos_home: Path, tmp_path: Path, capsys: Any, ceos_simulator: Any) -> Iterator[Desk]:
    counter = evm.deploy("counter")
    coin = evm.deploy("token", "USD Coin", 10**12, types=("string", "uint256"), sender=OWN)
    file = tmp_path / "chain.toml"
    file.write_text(FILE.format(counter=counter.address, coin=coin.address, friend=FRIEND))
    variables = {"BASE_RPC_URL": evm.url, "BASE_PRIVATE_KEY": KEYS[1], "CEOS_CHAIN_FILE": str(file)}
    with (
        fake_runtime(ceos_home, simulator=ceos_simulator, **variables) as fake,
        terminal(capsys) as run,
    ):
        yield Desk(evm, fake, run, counter, coin)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have somebody sit at the terminal and type a line."""

    def answer(line: str) -> None:
        keyboard = io.StringIO(f"{line}\n")
        keyboard.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", keyboard)

    return answer


# Values


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (10**18, 18, "1"),
        (2_500_000, 6, "2.5"),
        (100, 0, "100"),
        (2**256 - 1, 0, str(2**256 - 1)),
        (123, 77, "0." + "0" * 74 + "123"),
    ],
)
def test_amounts_are_written_in_whole_tokens_exactly(amount: int, decimals: int, text: str) -> None:
    assert whole(amount, decimals) == text
    assert whole(-amount, decimals) == ("-" + text if amount else text)
    if decimals <= 40 and len(text) <= 30:
        assert units(text, decimals) == amount


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e18", "1,5", "1.", ".5", " 1", "0x1", "١", "1_000", "nan", "9" * 31]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an amount"):
        units(text, 18)


def test_an_amount_has_no_more_digits_than_its_token() -> None:
    assert units("1.50", 1) == 15
    with pytest.raises(InvalidInput, match="more than 6 digits"):
        units("0.0000001", 6)


def test_numbers_that_json_readers_would_round_are_texts() -> None:
    value = {"a": 2**53, "b": (2**53 + 1, [-(2**64)], True, None, "x", 1.5)}
    assert as_json(value) == {"a": 2**53, "b": [str(2**53 + 1), [str(-(2**64))], True, None, "x", 1.5]}


# Reading


def test_help_names_every_command_with_its_own_words() -> None:
    for name in chain_group.COMMANDS:
        command = chain_group.chain.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None, name
        assert command.name == name
        assert command.help, name


@pytest.mark.parametrize("words", [["chain", "--help"], ["draft", "--help"]])
def test_help_loads_nothing_of_the_chain(words: list[str]) -> None:
    found = loaded(f"from ceos.cli import cli\ncli.main({words}, standalone_mode=False)")
    assert not found & {"web3", "eth_abi", "eth_account", "x402", "ceos.chain.wiring", "ceos.evm.client"}


def test_posts_are_listed_without_loading_the_chain(ceos_home: Path) -> None:
    code = f"import os\nos.environ['CEOS_HOME'] = {str(ceos_home)!r}\nfrom ceos.cli import cli\n"
    found = loaded(code + "cli.main(['draft', 'list'], standalone_mode=False)")
    assert "ceos.runtime" in found
    assert not found & {"web3", "eth_account", "ceos.chain.wiring"}


def test_a_contract_is_called_by_name_or_by_address(desk: Desk) -> None:
    assert desk.count() == 0
    whole = "count() view returns (uint256)"
    assert desk.run("chain", "call", desk.counter.address.lower(), whole).out == "0\n"
    held = desk.run("chain", "call", "coin", "balanceOf", OWN, "--json")
    assert held.data == 10**12
    several = "echo(uint256 n, string words, bytes, int128[] many) view returns (uint256 n, string, bytes, int128[])"
    told = desk.run("chain", "call", desk.counter.address, several, str(2**200), "gm", "0xff", "[1, -2]")
    assert told.out == f"n: {2**200}\nstring: gm\nbytes: 0xff\nint128[]: [1, -2]\n"
    desk.evm.send(desk.counter.address, desk.counter.encode("increase(string)", "gm"))
    before = desk.run("chain", "call", "counter", "count", "--block", str(desk.evm.head() - 1))
    assert (before.out, desk.count()) == ("0\n", 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(
            ("countr", "count"), "No contract named 'countr' on chain 8453. Known: counter, coin, ", id="name"
        ),
        pytest.param(("0x12", "count"), "'0x12' is not a contract's address", id="address"),
        pytest.param(("counter", "cuont"), "There is no function 'cuont'. Known: ", id="function"),
        pytest.param((FRIEND, "count"), "write the whole signature", id="address without signature"),
        pytest.param(("counter", "count", "1"), "count takes nothing; 1 arguments were given", id="arguments"),
        pytest.param(("coin", "balanceOf", "me"), "is not a valid address", id="value"),
        pytest.param(("counter", "f(uint256[])", "5"), "is not a valid uint256[]", id="no list"),
        pytest.param(("counter", "f(uint256[])", "[1"), "is written as JSON", id="no JSON"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(desk: Desk, words: tuple[str, ...], says: str) -> None:
    done = desk.run("chain", "call", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_a_contract_that_refuses_says_why(desk: Desk) -> None:
    done = desk.run("chain", "call", "counter", "refuse", "7")
    assert done.code == 1
    assert "TooMuch(number=7)" in done.err
    nobody = desk.run("chain", "call", STRANGER, "count() view returns (uint256)")
    assert "there is no contract at this address" in nobody.err


def test_status_tells_nodes_accounts_transactions_and_subscriptions(desk: Desk) -> None:
    desk.fake.apply()
    told = desk.run("chain", "status", "--json").data
    (node,), (account,) = told["nodes"], told["accounts"]
    assert (told["chain_id"], node["is_well"], node["head"]) == (8453, True, desk.evm.head())
    assert (account["account"], account["owners"]) == (OWN, ["the operator", "ada"])
    assert account["balance_wei"] == str(desk.evm.balance(OWN))
    assert [one["name"] for one in told["subscriptions"]] == ["counts"]
    desk.run("chain", "send", FRIEND, "--value", "0.6", "--yes")
    out = desk.run("chain", "status").out
    assert re.search(r"^127\.0\.0\.1:\d+ +healthy +\d+ ", out, re.MULTILINE)
    assert f"{OWN}  the operator, ada  " in out
    assert re.search(r"^tx/[0-9a-f]{16} +review ", out, re.MULTILINE)
    assert re.search(r"^counts +Counted ", out, re.MULTILINE)


def test_status_hides_nothing_when_node_and_key_are_missing(ceos_home: Path, capsys: Any, ceos_simulator: Any) -> None:
    variables = {"BASE_RPC_URL": "http://127.0.0.1:9/v1/key0123456789abcdef"}
    with fake_runtime(ceos_home, simulator=ceos_simulator, **variables), terminal(capsys) as run:
        done = run("chain", "status")
        assert done.code == 0
        assert "127.0.0.1:9" in done.out
        assert "key0123456789" not in done.out + done.err
        assert "No account: There is no key to sign with" in done.out
        assert "No open transactions." in done.out
        assert "Nothing is followed" in done.out


def test_events_are_shown_without_being_handed_over(desk: Desk) -> None:
    first = desk.evm.head() + 1
    for words in ("one", "two", "three\x1b[2J"):
        desk.evm.send(desk.counter.address, desk.counter.encode("increase(string)", words))
    latest = desk.run("chain", "events", "counts", "--limit", "2", "--json").data
    assert [(one["block"], one["args"]["words"]) for one in latest] == [(first + 1, "two"), (first + 2, "three\x1b[2J")]
    out = desk.run("chain", "events", "counts", "--since", str(first)).out
    assert f"who={ACCOUNTS[0]}, number=1, words=one" in out
    assert "\x1b" not in out
    assert desk.run("chain", "events", "counts", "--since", str(first + 3)).out == "No events in these blocks.\n"
    assert [one["handed"] for one in desk.run("chain", "events", "--json").data] == [0]
    done = desk.run("chain", "events", "cuonts")
    assert (done.code, "Known: counts." in done.err) == (2, True)


# Sending


def test_a_dry_run_tells_everything_and_signs_nothing(desk: Desk) -> None:
    before = desk.evm.rpc("eth_getTransactionCount", OWN, "pending")
    done = desk.run("chain", "send", "coin", "transfer", FRIEND, "2500000", "--dry-run")
    assert (done.code, done.err) == (0, "")
    for line in (
        f"from:       {OWN}, ",
        f"to:         {desk.coin.address}",
        f"call:       transfer(to={FRIEND}, amount=2500000)",
        "allowed by: coin: transfer(address,uint256)",
        "approval:   not needed",
        "Simulated changes:",
    ):
        assert line in done.out, done.out
    assert re.search(rf"^{OWN}  -2\.5 USDC +coin$", done.out, re.MULTILINE)
    told = desk.run("chain", "send", "coin", "transfer", FRIEND, "2500000", "--dry-run", "--json").data
    assert told["allowed_by"] == "coin: transfer(address,uint256)"
    assert [(one["symbol"], one["change"]) for one in told["changes"]] == [("USDC", -2_500_000)]
    assert int(told["worst_wei"]) == told["gas"] * int(told["max_fee_per_gas"]) + int(told["l1_fee_wei"])
    assert desk.evm.rpc("eth_getTransactionCount", OWN, "pending") == before
    assert desk.run("chain", "status", "--json").data["transactions"] == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param((STRANGER, "--value", "0.1"), "rule recipient", id="plain ETH to a stranger"),
        pytest.param((FRIEND, "--value", "1.5"), "rule value-per-transaction", id="too much ETH"),
        pytest.param(("coin", "transfer", STRANGER, "1"), "rule recipient", id="tokens to a stranger"),
        pytest.param(("coin", "transfer", FRIEND, "5000001"), "rule amount", id="too many tokens"),
        pytest.param(("coin", "approve", FRIEND, "1"), "rule function", id="another function"),
        pytest.param((STRANGER, "f()"), "rule contract", id="another contract"),
        pytest.param(("counter", "increase", "gm", "--value", "0.1"), "rule value", id="ETH with a call"),
        pytest.param(("counter", "refuse", "7"), "TooMuch(number=7)", id="a contract that refuses"),
    ],
)
@pytest.mark.parametrize("how", ["--dry-run", "--yes"])
def test_what_is_refused_says_which_rule_and_exits_with_1(
    desk: Desk, words: tuple[str, ...], says: str, how: str
) -> None:
    done = desk.run("chain", "send", *words, how)
    assert (done.code, done.out) == (1, "")
    assert says in done.err


def test_a_transaction_is_sent_after_a_question(desk: Desk, typed: Any) -> None:
    typed("n")
    done = desk.run("chain", "send", "counter", "increase", "gm")
    assert (done.code, done.err, desk.count()) == (1, "Stopped.\n", 0)
    typed("y")
    done = desk.run("chain", "send", "counter", "increase", "gm")
    assert done.code == 0, done.err
    assert "It changes no balance besides the fees." in done.out
    assert re.search(r"tx/[0-9a-f]{16} mined$", done.out, re.MULTILINE)
    assert re.search(r"^0x[0-9a-f]{64} in block \d+, it cost 0\.0\d+ ETH\.$", done.out, re.MULTILINE)
    assert desk.count() == 1


def test_nobody_is_asked_where_nobody_is(desk: Desk) -> None:
    for extra in ((), ("--json",)):
        done = desk.run("chain", "send", FRIEND, "--value", "0.1", *extra)
        assert (done.code, "use --yes" in done.err) == (2, True)


def test_the_same_key_is_the_same_transaction(desk: Desk) -> None:
    words = ("chain", "send", "counter", "increase", "gm", "--yes", "--key", "once", "--json")
    first, again = desk.run(*words).data, desk.run(*words).data
    assert (first["id"], first["hash"]) == (again["id"], again["hash"])
    assert desk.count() == 1
    other = desk.run("chain", "send", "counter", "increase", "hello", "--yes", "--key", "once")
    assert (other.code, desk.count()) == (2, 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param((FRIEND, "--value", "a lot"), "'a lot' is not an amount", id="no amount"),
        pytest.param((FRIEND, "--value", "-1"), "is not an amount", id="less than nothing"),
        pytest.param((FRIEND, "--value", "0.0000000000000000001"), "more than 18 digits", id="less than a wei"),
        pytest.param((FRIEND, "--agent", "bob"), "No agent named 'bob'", id="unknown agent"),
        pytest.param((), "Missing argument", id="nothing"),
    ],
)
def test_wrong_usage_of_send_is_one_sentence(desk: Desk, words: tuple[str, ...], says: str) -> None:
    done = desk.run("chain", "send", *words, "--yes")
    assert (done.code, says in done.err) == (2, True), done.err


# Approval


def waiting(desk: Desk) -> str:
    done = desk.run("chain", "send", FRIEND, "--value", "0.6", "--yes")
    assert done.code == 0
    (name,) = re.findall(r"^(tx/[0-9a-f]{16}) review: ", done.out, re.MULTILINE)
    assert f"'ceos draft approve {name}' sends it." in done.out
    return str(name)


def test_what_a_transaction_is_for_cannot_paint_over_what_it_does(desk: Desk) -> None:
    chain = desk.fake.runtime.chain
    request = TxRequest(chain_id=8453, to=FRIEND, value=6 * 10**17, purpose="\x1b[2J\rharmless\nto: me")
    tx = chain.sender.submit(request, key="painter")
    for command in (("show",), ("approve", "--yes")):
        out = desk.run("draft", command[0], tx.id, *command[1:]).out
        assert "harmless" in out and "\x1b" not in out and "\nto: me" not in out


def test_a_transaction_above_the_threshold_waits_for_a_person(desk: Desk, typed: Any) -> None:
    # Given one that waits,
    name, before = waiting(desk), desk.evm.balance(FRIEND)
    assert name in desk.run("draft", "list").out
    assert [one["id"] for one in desk.run("draft", "list", "--json").data] == [name]
    assert desk.run("draft", "list", "--agent", desk.fake.apply().id).out == "No draft waits for approval.\n"
    shown = desk.run("draft", "show", name).out
    assert re.search(rf"^{OWN}  -0\.6 ETH", shown, re.MULTILINE)
    assert desk.run("draft", "show", name, "--json").data[0]["preview"]["changes"][0]["symbol"] == "ETH"

    # when nobody is there to ask, or a person says no, nothing happens;
    assert desk.run("draft", "approve", name).code == 2
    assert desk.run("draft", "approve", "--all").out == "There are none.\n", "money moves by its id only"
    typed("n")
    assert desk.run("draft", "approve", name).code == 1
    assert desk.evm.balance(FRIEND) == before

    # once they say yes, it is sent, once.
    typed("y")
    done = desk.run("draft", "approve", name)
    assert done.code == 0, done.err
    assert "-0.6 ETH" in done.out
    assert desk.evm.balance(FRIEND) - before == 6 * 10**17
    again = desk.run("draft", "approve", name, "--yes")
    assert (again.code, "does not wait for approval" in again.err) == (2, True)
    assert desk.evm.balance(FRIEND) - before == 6 * 10**17


def test_a_rejected_transaction_is_never_sent(desk: Desk) -> None:
    name, before = waiting(desk), desk.evm.balance(FRIEND)
    assert desk.run("draft", "reject", name, "--reason", "not today").out == f"{name} rejected: not today\n"
    assert "rejected: not today" in desk.run("draft", "show", name).out
    assert desk.run("draft", "approve", name, "--yes").code == 2
    assert desk.evm.balance(FRIEND) == before


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_posts_and_transactions_are_decided_apart(desk: Desk, verb: str) -> None:
    done = desk.run("draft", verb, "tx/00112233aabbccdd", "ada:m:0123456789ab", *(["--yes"] * (verb == "approve")))
    assert (done.code, "separately from posts" in done.err) == (2, True)
    unknown = desk.run("draft", verb, "tx/00112233aabbccdd", *(["--yes"] * (verb == "approve")))
    assert (unknown.code, unknown.out) == (2, "")
    assert "tx/00112233aabbccdd" in unknown.err
    assert "cannot be edited" in desk.run("draft", "edit", "tx/00112233aabbccdd", "--text", "x").err


# Examples of the documentation, and skills


def test_the_lines_of_the_documentation_run(
    evm: Evm, ceos_home: Path, tmp_path: Path, capsys: Any, ceos_simulator: Any
) -> None:
    # Given a chain with the contracts that are on Base, the chain.toml of its page, and a seed phrase,
    (file,) = blocks("toml", of="chain/chain-toml")
    topics = ("chain/index", "chain/identity", "chain/scores")
    lines = [line for topic in topics for block in blocks("sh", of=topic) for line in block.splitlines()]
    (tmp_path / "chain.toml").write_text(file)
    evm.place("identity", BUILT_IN[8453]["identity"][0])
    evm.place("token", BUILT_IN[8453]["usdc"][0], "USD Coin", 1, types=("string", "uint256"))
    variables = {
        "BASE_RPC_URL": evm.url,
        "BASE_SEED_PHRASE": SEED_PHRASE,
        "CEOS_CHAIN_FILE": str(tmp_path / "chain.toml"),
        "CEOS_PUBLIC_URL": "https://ceos.example.org",
    }
    with fake_runtime(ceos_home, simulator=ceos_simulator, **variables) as fake, terminal(capsys) as run:
        fake.apply()
        evm.send(fake.runtime.chain.wallets.address("ada"), value=10**17)
        # when what needs neither feedback nor a score is typed, then all of it succeeds.
        typed = [line for line in lines if not re.search("reputation|feedback|verify", line)]
        assert len(typed) == len(lines) - 3
        for line in typed:
            done = run(*line.split()[1:])
            assert (done.code, done.err) == (0, ""), line
        assert "ada is number 0 in eip155:8453:0x8004A169" in done.out


def test_a_skill_is_tried_on_the_chain(desk: Desk) -> None:
    watched = [{"name": "ours", "account": OWN, "token": desk.coin.address}]
    done = desk.run("skill", "run", "onchain-pulse", "--params", json.dumps({"balances": watched}), "--json")
    assert done.code == 0, done.out
    told = done.data["value"]
    assert (told["chain"], told["block"]) == ("Base", desk.evm.head())
    assert told["watched"][1] == {"what": "balance of ours", "now": "1,000,000.00 USDC"}


# The doctor


def findings(run: Terminal) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(run("doctor", "--json").out):
        found.setdefault(one["check"], []).append(one)
    return found


def test_the_doctor_looks_at_the_chain(desk: Desk) -> None:
    found = findings(desk.run)
    assert "2 rules of the policy, 1 subscription" in found["chain file"][0]["found"]
    assert f"Chain 8453, block {desk.evm.head()}: 127.0.0.1" in found["nodes"][0]["found"]
    assert f"{OWN} (key) has " in found["account"][0]["found"]
    assert {one["status"] for name in ("chain file", "nodes", "account", "events") for one in found[name]} == {"ok"}


def test_the_doctor_says_how_to_mend_what_is_wrong_on_chain(
    evm: Evm, ceos_home: Path, tmp_path: Path, capsys: Any, ceos_simulator: Any
) -> None:
    file = tmp_path / "chain.toml"
    file.write_text("[policy]\nchians = [8453]\nmax_eth = 1\n")
    variables = {"BASE_RPC_URL": f"{evm.url},http://127.0.0.1:9", "CEOS_CHAIN_FILE": str(file)}
    with fake_runtime(ceos_home, simulator=ceos_simulator, **variables), terminal(capsys) as run:
        found = findings(run)
        assert [one["status"] for one in found["chain file"]] == ["failed", "failed"]
        assert "did you mean 'chains'?" in found["chain file"][0]["found"] + found["chain file"][1]["found"]
        assert sorted(one["status"] for one in found["nodes"]) == ["ok", "warning"]
        assert found["account"][0]["status"] == "info"
    file.unlink()
    with fake_runtime(ceos_home, simulator=ceos_simulator, **variables):
        (missing,) = findings(run)["chain file"]
        assert missing["status"] == "failed"
        assert "there is no such file; correct CEOS_CHAIN_FILE" in missing["found"]
        assert run("chain", "status").code == 2
    with fake_runtime(ceos_home, simulator=ceos_simulator, BASE_RPC_URL=evm.url, BASE_CHAIN_ID="84532"):
        (wrong,) = findings(run)["nodes"]
        assert (wrong["status"], "BASE_CHAIN_ID" in wrong["fix"]) == ("failed", True)
    with fake_runtime(ceos_home, simulator=ceos_simulator):
        (nothing,) = findings(run)["chain"]
        assert (nothing["status"], nothing["found"]) == ("ok", "Base is not used.")
