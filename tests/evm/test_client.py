"""The client with real and hostile nodes: reading, refusals, and the choice of nodes."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from helpers.evm import ACCOUNTS, KEYS, Deployed, Evm, running_evm
from helpers.rpc_proxy import RpcProxy, fault, hang_up, lose_answer
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.errors import (
    FeeTooLow,
    InvalidInput,
    KeyRefused,
    NonceTaken,
    OutcomeUnknown,
    RangeRefused,
    RateLimited,
    RequestRefused,
    Reverted,
    ServiceError,
    ServiceUnavailable,
    WrongChain,
)
from ceos.evm import parsing
from ceos.evm.abi import Abi
from ceos.evm.client import GAS_ORACLE, MULTICALL3, ContractCall, EvmClient
from ceos.evm.errors import rpc_error
from ceos.evm.types import BalanceChange, CallRequest

ME, OTHER = ACCOUNTS[0], ACCOUNTS[1]
HASH = "0x" + "ab" * 32
ERC20 = Abi.named("erc20")


class Slept(list[float]):
    """Remembers for how long it was asked to wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def make_chain(*urls: str, chain_id: int = 8453, sleep: Any = None, **options: Any) -> EvmClient:
    return EvmClient(urls, chain_id, sleep=Slept() if sleep is None else sleep, **options)


@pytest.fixture
def chain(evm: Evm) -> EvmClient:
    return make_chain(evm.url)


@pytest.fixture
def nodes(evm: Evm) -> Iterator[tuple[RpcProxy, RpcProxy]]:
    with RpcProxy(evm.url) as one, RpcProxy(evm.url) as other:
        yield one, other


@pytest.fixture
def node() -> Iterator[RpcProxy]:
    """A node that answers only the requests that a test sets, and its chain id."""
    with RpcProxy() as node:
        node.answer("eth_chainId", "0x2105")
        yield node


def make_request(to: str, data: str = "0x", value: int = 0) -> CallRequest:
    return CallRequest(sender=ME, to=to, data=data, value=value)


def signed(evm: Evm, nonce: int | None = None, value: int = 1, fee: int = 3 * 10**9) -> tuple[str, str]:
    from eth_account import Account

    fields = {
        "chainId": 8453,
        "to": OTHER,
        "value": value,
        "gas": 21_000,
        "nonce": int(evm.rpc("eth_getTransactionCount", ME, "latest"), 16) if nonce is None else nonce,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": 1,
    }
    done = Account.sign_transaction(fields, KEYS[0])
    return done.raw_transaction.to_0x_hex(), done.hash.to_0x_hex()


# Reading


def test_blocks_balances_and_nonces(evm: Evm, chain: EvmClient) -> None:
    evm.send(OTHER, value=7)
    evm.mine(2)
    head = chain.head()
    assert head.number == evm.head() and head.base_fee > 0
    first, second, missing = chain.blocks([head.number - 1, head.number, head.number + 5])
    assert second == head and first is not None and second is not None and second.parent == first.hash
    assert missing is None
    assert chain.block(head.number - 1) == first and chain.block(head.number + 1) is None
    assert chain.block("finalized") is not None
    assert chain.balance(OTHER) == evm.balance(OTHER) == chain.balance(OTHER, head.number)
    assert chain.nonce(ME) == chain.nonce(ME, "latest") == 1
    assert chain.code(OTHER) == "0x"
    assert chain.web3.eth.get_balance(OTHER) == evm.balance(OTHER)


def test_a_call_returns_typed_values(evm: Evm, chain: EvmClient) -> None:
    counter = evm.deploy("counter")
    abi = Abi.parse(counter.abi)
    assert chain.call(counter.address, abi.function("count")) == 0
    echo = chain.call(counter.address, abi.function("echo"), 2**255, "é🦄", b"\x00\xff", [-1, 2])
    assert echo == (2**255, "é🦄", "0x00ff", [-1, 2])


def test_a_refused_call_says_why_in_the_contracts_words(evm: Evm, chain: EvmClient) -> None:
    counter = evm.deploy("counter")
    abi = Abi.parse(
        [*map(str, ["function refuse(uint256 n)", "function refuse_in_words()", "error TooMuch(uint256 n)"])]
    )
    custom = make_request(counter.address, abi.function("refuse").encode(7))
    with pytest.raises(Reverted, match=r"refused the call: TooMuch\(n=7\)") as refused:
        chain.simulate(custom, abi)
    assert refused.value.reason == "TooMuch(n=7)" and refused.value.data.startswith("0xe0f0d3cc")
    with pytest.raises(Reverted, match="0xe0f0d3cc"):
        chain.simulate(custom)
    with pytest.raises(Reverted, match=r"TooMuch\(n=7\)"):
        chain.estimate_gas(custom, abi)
    with pytest.raises(Reverted, match="refused the call: not today"):
        chain.simulate(make_request(counter.address, abi.function("refuse_in_words").encode()))


def test_a_call_where_no_contract_is_says_so(chain: EvmClient) -> None:
    with pytest.raises(RequestRefused, match=f"{OTHER} gave no usable answer .* no contract at this address"):
        chain.call(OTHER, ERC20.function("totalSupply"))


def make_calls(evm: Evm) -> tuple[list[ContractCall], Deployed]:
    counter, token = evm.deploy("counter"), evm.deploy("token", "USD Coin", 500, types=("string", "uint256"))
    refuse = Abi.parse(counter.abi).function("refuse")
    calls = [
        ContractCall(token.address, ERC20.function("balanceOf"), (ME,)),
        ContractCall(counter.address, refuse, (7,)),
        ContractCall(OTHER, ERC20.function("totalSupply")),
        ContractCall(token.address, ERC20.function("symbol")),
    ]
    return calls, token


def check_read(found: list[Any]) -> None:
    assert found[0] == 500 and found[3] == "USDC"
    assert isinstance(found[1], Reverted) and "0xe0f0d3cc" in found[1].reason
    assert isinstance(found[2], RequestRefused) and "no contract" in str(found[2])


@pytest.mark.parametrize("takes_batches", [True, False])
def test_many_calls_are_one_batch_or_one_by_one_where_nodes_take_none(evm: Evm, takes_batches: bool) -> None:
    calls, _ = make_calls(evm)
    with RpcProxy(evm.url) as node:
        node.takes_batches = takes_batches
        chain = make_chain(node.url)
        check_read(chain.read(calls))
        before = node.requests
        check_read(chain.read(calls))
        # The code of Multicall3 is looked for each time while there is none.
        assert node.requests - before == (2 if takes_batches else 5)


def test_a_node_that_fails_for_a_while_is_not_taken_for_one_without_batches(evm: Evm) -> None:
    calls, _ = make_calls(evm)
    with RpcProxy(evm.url) as node:
        chain = make_chain(node.url)
        check_read(chain.read(calls))
        node.status = 404
        with pytest.raises(RequestRefused):
            chain.blocks([0, 0])
        node.status = 200
        check_read(chain.read(calls))
        before = node.requests
        chain.blocks([0, 0, 0])
        assert node.requests == before + 1


def test_many_calls_are_one_call_where_multicall3_is(evm: Evm) -> None:
    calls, _ = make_calls(evm)
    evm.place("multicall", MULTICALL3)
    with RpcProxy(evm.url) as node:
        chain = make_chain(node.url)
        check_read(chain.read(calls))
        assert len(node.asked("eth_call")) == 1 and len(node.asked("eth_getCode")) == 1
        # More than one aggregate takes, and one that nobody can carry out.
        assert chain.read([calls[0]] * 501) == [500] * 501
        asked = len(node.asked("eth_call"))
        assert asked == 3
        node.answer("eth_call", fault(3, "execution reverted", "0x"), times=1)
        check_read(chain.read(calls))


def test_a_token_tells_of_itself_once(evm: Evm) -> None:
    _, token = make_calls(evm)
    with RpcProxy(evm.url) as node:
        chain = make_chain(node.url)
        assert (chain.token(token.address).symbol, chain.token(token.address).decimals) == ("USDC", 6)
        assert len(node.asked("eth_call")) == 2
        assert chain.token_balance(token.address, ME) == 500


def test_logs_are_read_by_address_topics_and_blocks(evm: Evm, chain: EvmClient) -> None:
    counter = evm.deploy("counter")
    abi = Abi.parse(counter.abi)
    start = evm.head() + 1
    for words in ("gm", "gn"):
        evm.send(counter.address, abi.function("increase(string)").encode(words))
    counted = abi.event("Counted")
    found = chain.logs(counter.address, counted.topics(), start, start + 1)
    assert [counted.decode(log)["words"] for log in found] == ["gm", "gn"]
    assert [log.block for log in found] == [start, start + 1]
    second = chain.logs([counter.address], counted.topics({"number": 2}), 0, evm.head())
    assert second == found[1:]
    logs, blocks = chain.logs_and_blocks(counter.address, counted.topics(), start, start + 1, [start + 1])
    assert logs == found and blocks[0] is not None and blocks[0].hash == found[1].block_hash


def test_receipts_tell_what_l1_cost(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    done = evm.send(OTHER, value=1)
    node, _ = nodes
    chain = make_chain(node.url)
    plain = chain.receipt(done["transactionHash"])
    assert plain is not None and plain.succeeded and plain.gas_used == 21_000 and plain.l1_fee == 0
    node.answer(
        "eth_getTransactionReceipt", lambda params, forward: {**forward(), "l1Fee": "0x1f4", "l1GasUsed": "0x1"}
    )
    with_l1 = chain.receipt(done["transactionHash"])
    assert with_l1 is not None and with_l1.l1_fee == 500 and with_l1.gas_price == plain.gas_price
    node.answer("eth_getTransactionReceipt", None, times=1)
    assert chain.receipts([HASH, done["transactionHash"]]) == [None, with_l1]


def test_a_receipt_of_another_transaction_is_no_receipt(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    done = evm.send(OTHER, value=1)
    liar, honest = nodes
    liar.answer("eth_getTransactionReceipt", {**done, "transactionHash": HASH, "status": "0x0"})
    found = make_chain(liar.url, honest.url).receipt(done["transactionHash"])
    assert found is not None and found.succeeded
    with pytest.raises(ServiceUnavailable, match="no usable receipt of this transaction"):
        make_chain(liar.url).receipt(done["transactionHash"])


# Before sending


def test_gas_is_estimated_with_a_reserve_and_a_limit(evm: Evm, node: RpcProxy, chain: EvmClient) -> None:
    assert chain.estimate_gas(make_request(OTHER, value=1), ME) == 25_200
    node.answer("eth_estimateGas", hex(16_000_000))
    assert make_chain(node.url).estimate_gas(make_request(OTHER)) == 16_777_216
    node.answer("eth_estimateGas", hex(17_000_000))
    with pytest.raises(RequestRefused, match="needs 17000000 gas, and the limit is"):
        make_chain(node.url).estimate_gas(make_request(OTHER))


def test_fees_follow_the_pending_block_and_what_is_usual(evm: Evm, node: RpcProxy, chain: EvmClient) -> None:
    pending = int(evm.rpc("eth_getBlockByNumber", "pending", False)["baseFeePerGas"], 16)
    found = chain.fees()
    assert found.base_fee == pending and found.max_fee == 2 * pending + found.priority
    node.answer("eth_getBlockByNumber", lambda params, forward: None if params[0] == "pending" else a_block())
    found = make_chain(node.url).fees()
    assert (found.base_fee, found.priority, found.max_fee) == (5, 1_000_000, 1_000_010)


def a_block(number: int = 9) -> dict[str, Any]:
    return {"number": hex(number), "hash": HASH, "parentHash": HASH, "timestamp": "0x1", "baseFeePerGas": "0x5"}


def test_the_fee_for_l1_is_asked_of_its_oracle(evm: Evm, node: RpcProxy, chain: EvmClient) -> None:
    assert chain.l1_fee(b"x" * 100) == 0
    evm.place("gas_oracle", GAS_ORACLE)
    assert chain.l1_fee(b"x" * 100) == 120_002
    node.answer("eth_getCode", "0x01")
    # An oracle that knows only the upper bound.
    upper = Abi.named("gas_oracle").function("getL1FeeUpperBound").encode(100)
    node.answer("eth_call", lambda params, forward: f"{10:#066x}" if params[0]["data"] == upper else "0x")
    assert make_chain(node.url).l1_fee(b"x" * 100) == 12


def test_a_simulation_shows_what_an_account_gains_and_loses(evm: Evm, chain: EvmClient) -> None:
    token = evm.deploy("token", "USD Coin", 10**9, types=("string", "uint256"))
    transfer = ERC20.function("transfer").encode(OTHER, 5_000_000)
    lost = BalanceChange(account=ME, asset=token.address, symbol="USDC", decimals=6, change=-5_000_000)
    assert chain.balance_changes(make_request(token.address, transfer), [token.address]) == [lost]
    # A token that nobody named is found in what the simulation tells.
    assert chain.balance_changes(make_request(token.address, transfer)) == [lost]
    eth = BalanceChange(account=ME, asset="ETH", symbol="ETH", decimals=18, change=-7)
    assert chain.balance_changes(make_request(OTHER, value=7), [token.address, OTHER]) == [eth]
    too_much = ERC20.function("transfer").encode(OTHER, 10**10)
    with pytest.raises(Reverted, match="exceeds balance"):
        chain.balance_changes(make_request(token.address, too_much), [token.address])


def test_where_no_node_simulates_the_change_is_read_from_the_call(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    token = evm.deploy("token", "USD Coin", 10**9, types=("string", "uint256"))
    node, _ = nodes
    node.answer("eth_simulateV1", fault(-32601, "the method eth_simulateV1 does not exist/is not available"))
    chain = make_chain(node.url)
    transfer = ERC20.function("transfer").encode(OTHER, 5)
    changes = chain.balance_changes(make_request(token.address, transfer, value=3), [token.address])
    assert [(one.asset, one.change, one.is_simulated) for one in changes] == [
        ("ETH", -3, False),
        (token.address, -5, False),
    ]
    # One that carries the call out but says nothing of the ETH that moves.
    node.answer("eth_simulateV1", [{"calls": [{"status": "0x1", "returnData": "0x", "logs": []}]}])
    (change,) = chain.balance_changes(make_request(OTHER, value=3))
    assert (change.change, change.is_simulated) == (-3, False)


# Several nodes


def test_a_node_that_fails_is_passed_over_and_asked_again_when_it_has_rested(evm: Evm) -> None:
    now = [0.0]
    with RpcProxy(evm.url) as first, RpcProxy(evm.url) as second:
        chain = make_chain(first.url, second.url)
        for node in (chain.endpoints, *chain.endpoints.nodes):
            node._now = lambda: now[0]
        chain.head()
        assert second.requests == 0
        first.status = 503
        chain.head()
        asked = first.requests
        chain.head()
        assert first.requests == asked, "it rests"
        first.status = 200
        now[0] = 5.0
        chain.head()
        assert first.asked("eth_getBlockByNumber") and first.requests == asked + 2, "its chain is asked for once more"


@pytest.mark.parametrize(
    "fail",
    [
        lambda node: setattr(node, "status", 500),
        lambda node: setattr(node, "status", 429),
        lambda node: setattr(node, "status", 404),
        lambda node: setattr(node, "status", 401),
        lambda node: setattr(node, "status", 302),
        lambda node: node.answer("eth_getBalance", hang_up),
        lambda node: node.answer("eth_chainId", hang_up),
        lambda node: node.answer("eth_chainId", fault(-32000, "who knows")),
        lambda node: node.answer("eth_chainId", None),
        lambda node: node.answer("eth_chainId", "0x1"),
        lambda node: node.answer("eth_chainId", "0xzz"),
        lambda node: node.answer("eth_chainId", 8453),
        lambda node: node.answer("eth_getBalance", "garbage"),
        lambda node: node.answer("eth_getBalance", None),
        lambda node: node.answer("eth_getBalance", fault(-32000, "header not found")),
        lambda node: node.answer("eth_getBalance", fault(-32601, "method not found")),
        lambda node: node.answer("eth_getBalance", fault(-32603, "internal error")),
        lambda node: node.answer("eth_getBalance", fault(-32005, "daily request count exceeded, request rate limited")),
    ],
)
def test_a_read_that_fails_on_one_node_is_answered_by_another(nodes: tuple[RpcProxy, RpcProxy], fail: Any) -> None:
    bad, good = nodes
    fail(bad)
    slept = Slept()
    assert make_chain(bad.url, good.url, sleep=slept).balance(OTHER) == 10**22
    assert not slept


def test_a_read_goes_round_three_times_and_gives_up(nodes: tuple[RpcProxy, RpcProxy]) -> None:
    for node in nodes:
        node.status = 503
    slept = Slept()
    with pytest.raises(ServiceUnavailable, match="answered 503"):
        make_chain(*(node.url for node in nodes), sleep=slept).head()
    assert [node.requests for node in nodes] == [3, 3] and len(slept) == 2


def test_a_node_that_asks_for_patience_gets_it_or_is_left_to_the_caller(nodes: tuple[RpcProxy, RpcProxy]) -> None:
    node, _ = nodes
    node.status, node.headers = 429, {"Retry-After": "3"}
    slept = Slept()
    with pytest.raises(RateLimited):
        make_chain(node.url, sleep=slept).head()
    assert slept == [3.0, 3.0]
    node.headers = {"Retry-After": "100"}
    with pytest.raises(RateLimited) as limited:
        make_chain(node.url, sleep=slept).head()
    assert limited.value.retry_after == 100 and slept == [3.0, 3.0]


def test_a_refusal_by_the_contract_is_not_asked_of_the_next_node(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    counter = evm.deploy("counter")
    first, second = nodes
    with pytest.raises(Reverted):
        make_chain(first.url, second.url).call(counter.address, Abi.parse(counter.abi).function("refuse"), 1)
    assert second.requests == 0


def test_failed_calls_of_a_batch_go_to_another_node_but_not_all_one_by_one(nodes: tuple[RpcProxy, RpcProxy]) -> None:
    first, second = nodes
    first.answer("eth_call", fault(-32000, "missing trie node"), times=3)
    call = ContractCall(OTHER, ERC20.function("totalSupply"))
    chain = make_chain(first.url, second.url)
    assert all("no contract" in str(one) for one in chain.read([call, call, call]))
    for node in nodes:
        node.answer("eth_call", fault(-32000, "missing trie node"))
    slept = Slept()
    found = make_chain(first.url, second.url, sleep=slept).read([call] * 50)
    assert all(isinstance(one, ServiceUnavailable) for one in found) and len(slept) == 2


def test_health_names_nodes_by_host_and_finds_the_one_that_lags(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    evm.mine(30)
    stuck, good = nodes
    stuck.answer("eth_blockNumber", "0x1")
    chain = make_chain(stuck.url, good.url)
    lagging, well = chain.endpoints.health()
    assert not lagging.is_healthy and "29 blocks behind" in lagging.why and lagging.label == stuck.url[7:]
    assert well.is_healthy and well.head == 30 and well.latency_ms is not None
    chain.head()
    assert not stuck.asked("eth_getBlockByNumber")


def test_a_node_that_claims_to_be_far_ahead_of_two_others_is_not_believed(
    evm: Evm, nodes: tuple[RpcProxy, RpcProxy]
) -> None:
    liar, good = nodes
    liar.answer("eth_blockNumber", hex(10**9))
    health = make_chain(good.url, evm.url, liar.url).endpoints.health()
    assert [node.is_healthy for node in health] == [True, True, True]


def test_nodes_are_compared_now_and_then_while_heads_are_asked_for(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    evm.mine(30)
    stuck, good = nodes
    stuck.answer("eth_blockNumber", "0x1")
    stuck.answer("eth_getBlockByNumber", a_block(1))
    chain = make_chain(stuck.url, good.url)
    now = [0.0]
    for one in (chain.endpoints, *chain.endpoints.nodes):
        one._now = lambda: now[0]
    chain.endpoints._compared_at = 0.0
    assert chain.head().number == 1
    now[0] = 60.0
    assert chain.head().number == 30


# The wrong chain


def test_a_wrong_chain_is_refused_and_named() -> None:
    with running_evm(chain_id=84532) as sepolia:
        chain = make_chain(sepolia.url)
        with pytest.raises(
            WrongChain, match=r"127\.0\.0\.1:\d+ belongs to chain 84532, not to 8453: correct BASE_RPC_URL"
        ):
            chain.check()
        for refused in (chain.head, lambda: chain.send_raw("0x01"), lambda: chain.web3.eth.block_number):
            with pytest.raises(WrongChain):
                refused()
        chain_of_it = make_chain(sepolia.url, chain_id=84532)
        chain_of_it.check()


def test_a_node_of_another_chain_is_never_asked_again_until_a_check_passes(
    nodes: tuple[RpcProxy, RpcProxy], caplog: pytest.LogCaptureFixture
) -> None:
    liar, honest = nodes
    liar.answer("eth_chainId", "0x1")
    chain = make_chain(liar.url, honest.url)
    with caplog.at_level(logging.WARNING):
        assert chain.balance(OTHER) == 10**22
    assert "belongs to chain 1" in caplog.records[0].why
    chain.balance(OTHER)
    chain.endpoints.health()
    assert liar.requests == 1
    liar.answer("eth_chainId", "0x2105")
    chain.check()
    chain.balance(OTHER)
    assert liar.asked("eth_getBalance")


def test_a_node_that_changes_its_chain_gets_no_transaction(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    liar, honest = nodes
    chain = make_chain(liar.url, honest.url)
    chain.check()
    chain.balance(OTHER)
    liar.answer("eth_chainId", "0x1")
    raw, tx_hash = signed(evm)
    chain.send_raw(raw)
    assert not liar.asked("eth_sendRawTransaction") and honest.asked("eth_sendRawTransaction") == [[raw]]
    evm.mine()
    assert chain.receipt(tx_hash) is not None
    alone = make_chain(liar.url)
    with pytest.raises(WrongChain, match="Nothing was signed"):
        alone.send_raw(raw)


def test_a_node_that_changes_its_chain_is_found_out_while_reading_too(node: RpcProxy) -> None:
    now = [0.0]
    node.answer("eth_getBalance", "0x1")
    chain = make_chain(node.url)
    for one in (chain.endpoints, *chain.endpoints.nodes):
        one._now = lambda: now[0]
    assert chain.balance(ME) == 1
    node.answer("eth_chainId", "0x1")
    assert chain.balance(ME) == 1
    now[0] = 60.0
    with pytest.raises(WrongChain):
        chain.balance(ME)


# Sending


def test_a_transaction_that_is_sent_twice_is_sent(evm: Evm, chain: EvmClient) -> None:
    evm.automine(False)
    raw, tx_hash = signed(evm)
    chain.send_raw(raw)
    chain.send_raw(raw)
    assert chain.nonce(ME) == 1 and chain.nonce(ME, "latest") == 0
    assert chain.endpoints.request("eth_sendRawTransaction", [raw], effect="write") == tx_hash
    evm.mine()
    with pytest.raises(NonceTaken):
        chain.send_raw(signed(evm, nonce=0, value=2)[0])


def test_a_lost_answer_leaves_the_outcome_open_and_is_not_repeated(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    loses, other = nodes
    loses.answer("eth_sendRawTransaction", lose_answer)
    chain = make_chain(loses.url, other.url)
    raw, tx_hash = signed(evm)
    with pytest.raises(OutcomeUnknown):
        chain.send_raw(raw)
    assert len(loses.asked("eth_sendRawTransaction")) == 1 and not other.asked("eth_sendRawTransaction")
    evm.mine()
    assert chain.receipt(tx_hash) is not None


@pytest.mark.parametrize("status", [500, 502, 504, 408])
def test_a_failing_server_leaves_the_outcome_of_a_write_open(node: RpcProxy, status: int) -> None:
    def fail(params: list[Any], forward: Any) -> Any:
        node.status = status
        return "0x2105"

    node.answer("eth_chainId", fail)
    with pytest.raises(OutcomeUnknown):
        make_chain(node.url).send_raw("0x02")


def test_a_write_goes_to_another_node_only_if_it_did_not_arrive(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    limited, good = nodes
    limited.answer("eth_sendRawTransaction", fault(-32016, "over rate limit"))
    chain = make_chain("http://127.0.0.1:1", limited.url, good.url)
    raw, tx_hash = signed(evm)
    chain.send_raw(raw)
    evm.mine()
    assert chain.receipt(tx_hash) is not None


def test_a_fee_that_is_too_low_has_an_error_of_its_own(evm: Evm, chain: EvmClient) -> None:
    with pytest.raises(FeeTooLow):
        chain.send_raw(signed(evm, fee=1)[0])
    evm.automine(False)
    chain.send_raw(signed(evm, nonce=0)[0])
    with pytest.raises(FeeTooLow):
        chain.send_raw(signed(evm, nonce=0, value=5)[0])


def test_web3_does_not_send_again_by_itself(evm: Evm, nodes: tuple[RpcProxy, RpcProxy]) -> None:
    node, _ = nodes
    node.answer("eth_sendRawTransaction", lose_answer)
    with pytest.raises(OutcomeUnknown):
        make_chain(node.url).web3.eth.send_raw_transaction(signed(evm)[0])
    assert len(node.asked("eth_sendRawTransaction")) == 1


# What nodes say


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (-32000, "nonce too low: next nonce 5, tx nonce 4", NonceTaken),
        (-32010, "OldNonce, Current nonce: 5, nonce of rejected tx: 4", NonceTaken),
        (-32000, "replacement transaction underpriced", FeeTooLow),
        (-32000, "transaction underpriced: gas tip cap 1, minimum needed 100", FeeTooLow),
        (-32000, "max fee per gas less than block base fee: address 0x01, maxFeePerGas: 1, baseFee: 5", FeeTooLow),
        (-32000, "err: fee cap less than block base fee", FeeTooLow),
        (-32000, "could not replace existing tx", FeeTooLow),
        (-32003, "max fee per gas less than block base fee", FeeTooLow),
        (-32005, "limit exceeded", RateLimited),
        (-32016, "over rate limit", RateLimited),
        (-32000, "txpool is full", ServiceUnavailable),
        (-32603, "internal error", OutcomeUnknown),
        (-32000, "request timed out", OutcomeUnknown),
        (-32000, "insufficient funds for gas * price + value", RequestRefused),
        (-32000, "exceeds maximum per-transaction gas limit", RequestRefused),
        (-32602, "invalid chain id for signer", RequestRefused),
    ],
)
def test_refusals_of_a_transaction_are_told_apart(code: int, words: str, kind: type[ServiceError]) -> None:
    found = rpc_error({"code": code, "message": words}, node="n", method="eth_sendRawTransaction")
    assert type(found) is kind and words in str(found)


@pytest.mark.parametrize(
    "words", ["already known", "AlreadyKnown", "transaction already imported", "ALREADY_EXISTS: already known"]
)
def test_bytes_that_a_node_knows_are_sent(node: RpcProxy, words: str) -> None:
    for code in (-32000, -32603, -32005):
        node.answer("eth_sendRawTransaction", fault(code, words))
        make_chain(node.url).send_raw("0x02ff")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32005, "query returned more than 10000 results"),
        (-32000, "query exceeds max block range 500"),
        (-32602, "block range is too wide"),
        (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
        (-32000, "query timeout exceeded"),
        (-32614, "eth_getLogs is limited to a 10,000 range"),
        (-32600, "exceeded maximum block range: 2000"),
        (-32005, "limit exceeded"),
        (-32701, "Please limit the query to at most 1000 blocks: too many results"),
    ],
)
def test_a_range_that_is_too_large_is_told_apart(code: int, words: str) -> None:
    found = rpc_error({"code": code, "message": words}, node="n", method="eth_getLogs")
    assert isinstance(found, RangeRefused)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": 3, "message": "execution reverted: rate limit exceeded"}, "rate limit exceeded"),
        ({"code": 3, "message": "execution reverted"}, ""),
        ({"code": -32000, "message": "execution reverted", "data": "0x"}, ""),
        (
            {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x4e487b71" + f"{0x12:064x}"},
            "a division by zero",
        ),
        ({"code": -32603, "message": "Internal", "data": {"data": "0x4e487b71" + f"{1:064x}"}}, "an assertion failed"),
        (
            {"code": -32603, "message": "x", "data": {"originalError": {"data": "0x4e487b71" + f"{1:064x}"}}},
            "an assertion failed",
        ),
        ({"code": 3, "message": "execution reverted: evil\n\x1b[31mline"}, "evil"),
    ],
)
def test_a_revert_is_known_in_every_shape(error: dict[str, Any], reason: str) -> None:
    found = rpc_error(error, node="n", method="eth_call")
    assert isinstance(found, Reverted) and found.reason.startswith(reason) and "\x1b" not in str(found) + found.reason
    assert bool(reason) == bool(found.reason)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["0x", "0x1", HASH, ME]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    *("number", "hash", "parentHash", "timestamp", "baseFeePerGas", "address", "topics", "data", "blockNumber"),
    *("blockHash", "transactionHash", "logIndex", "status", "gasUsed", "effectiveGasPrice", "l1Fee", "logs", "removed"),
]


@given(ODD | st.dictionaries(st.sampled_from(FIELDS), ODD) | st.lists(st.dictionaries(st.sampled_from(FIELDS), ODD)))
@settings(max_examples=200, deadline=None)
def test_any_answer_of_a_node_is_parsed_or_unusable(value: Any) -> None:
    for read in (
        parsing.number,
        parsing.count,
        parsing.data,
        parsing.base_fee_of,
        parsing.logs_of,
        lambda value: parsing.block_of(value, 1),
        lambda value: parsing.receipt_of(value, HASH),
    ):
        with suppress(ServiceUnavailable):
            read(value)


@given(ODD | st.fixed_dictionaries({}, optional={"code": ODD, "message": ODD, "data": ODD}))
@settings(max_examples=150, deadline=None)
def test_any_error_of_a_node_becomes_a_service_error(error: Any) -> None:
    for method in ("eth_call", "eth_getLogs", "eth_sendRawTransaction"):
        assert isinstance(rpc_error(error, node="n", method=method), ServiceError)


A_LOG = {
    "address": ME,
    "topics": [HASH],
    "data": "0x",
    "blockNumber": "0x5",
    "blockHash": HASH,
    "transactionHash": HASH,
    "logIndex": "0x0",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"blockNumber": "0x4"},
        {"blockNumber": "0xb"},
        {"blockNumber": None},
        {"blockNumber": "0x" + "f" * 40},
        {"address": OTHER},
        {"address": "0x1"},
        {"topics": [HASH] * 5},
        {"topics": ["0x1"]},
        {"topics": None},
        {"data": "0x1"},
        {"data": None},
        {"blockHash": "0x"},
        {"transactionHash": 7},
        {"logIndex": "-0x1"},
    ],
)
def test_logs_outside_of_the_request_make_an_answer_unusable(node: RpcProxy, changes: dict[str, Any]) -> None:
    node.answer("eth_getLogs", [{**A_LOG, **changes}])
    with pytest.raises(ServiceUnavailable, match="no usable"):
        make_chain(node.url).logs(ME, [], 5, 10)


def test_a_node_refuses_ranges_and_takes_too_long(node: RpcProxy) -> None:
    node.max_range = 500
    node.answer("eth_getLogs", [])
    chain = make_chain(node.url)
    assert chain.logs(ME, [], 1, 500) == []
    with pytest.raises(RangeRefused, match="exceeds max block range 500"):
        chain.logs(ME, [], 1, 501)


def test_a_search_that_times_out_is_a_range_that_is_too_large(node: RpcProxy) -> None:
    done = threading.Event()
    node.answer("eth_getLogs", lambda params, forward: done.wait(20))
    slept = Slept()
    with pytest.raises(RangeRefused, match="in time"):
        make_chain(node.url, read_timeout=1, sleep=slept).logs(ME, [], 1, 500)
    done.set()
    assert not slept


def test_an_answer_to_another_request_is_unusable(node: RpcProxy) -> None:
    node.reply = lambda request: {"jsonrpc": "2.0", "id": 10**6, "result": "0x2105"}  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable, match="unreadable answer"):
        make_chain(node.url).head()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b"not json", b"[" * 100_000, b'{"result": "0x2105"}'])
def test_a_body_that_is_no_answer_is_unusable(node: RpcProxy, body: bytes) -> None:
    node.reply = lambda request: body  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable):
        make_chain(node.url).head()


def test_the_ethereum_libraries_leave_recursion_bounded() -> None:
    code = "import ceos.evm.client, ceos.chain.tx.wallets, sys; sys.exit(sys.getrecursionlimit() != 1000)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_body_without_end_is_not_read(node: RpcProxy) -> None:
    node.reply = lambda request: b" " * (17 * 1024 * 1024)  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable, match="larger than"):
        make_chain(node.url).head()


# Secrets


def test_an_address_with_a_key_appears_nowhere(evm: Evm, caplog: pytest.LogCaptureFixture) -> None:
    key = "s3cr3t-k3y-0123456789abcdef"
    with RpcProxy(evm.url, path=f"/v2/{key}?auth={key}") as node, caplog.at_level(logging.DEBUG):
        chain = make_chain(node.url.replace("//", f"//user:{key}@"), "http://no such host/" + key)
        shown = [repr(chain), repr(chain.endpoints), repr(chain.endpoints.nodes)]
        chain.head()
        shown.append(repr(chain.endpoints.health()))
        node.answer("eth_getBalance", fault(-32000, f"bad key {key}"))
        shown.append(message_of(lambda: chain.balance(ME)))
        for status in (500, 401, 404, 429):
            node.status, node.body = status, f'{{"error": {{"code": 1, "message": "{key}"}}}}'.encode()
            shown += [message_of(chain.head), message_of(lambda: chain.send_raw("0x02")), message_of(chain.check)]
            shown.append(repr(chain.endpoints.health()))
        node.status = 200
    shown.append(message_of(chain.head))
    texts = [*shown, *(str(vars(record)) for record in caplog.records if record.name.startswith("ceos"))]
    assert all(texts) and not [text for text in texts if key in text or "/v2" in text]


def message_of(act: Any) -> str:
    with pytest.raises(ServiceError) as refused:
        act()
    return f"{refused.value!r} {refused.value}"


def test_nodes_on_one_host_have_names_of_their_own() -> None:
    chain = make_chain("https://a.example/one", "https://a.example/two", "https://b.example:8545")
    assert [node.label for node in chain.endpoints.nodes] == ["a.example", "a.example#2", "b.example:8545"]
    with pytest.raises(InvalidInput, match=r"no node 'x'. Known: a\.example, a\.example#2"):
        chain.endpoints.request("eth_chainId", [], endpoint="x")
    with pytest.raises(InvalidInput, match="names no node"):
        make_chain()


def test_a_request_may_name_its_node(nodes: tuple[RpcProxy, RpcProxy]) -> None:
    first, second = nodes
    chain = make_chain(first.url, second.url)
    assert chain.endpoints.request("eth_blockNumber", [], endpoint=second.url[7:]) == "0x0"
    assert not first.requests


def test_many_threads_share_the_nodes(evm: Evm) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ExitStack() as stack:
        bad = stack.enter_context(RpcProxy(evm.url))
        good = stack.enter_context(RpcProxy(evm.url))
        bad.answer("eth_getBalance", hang_up)
        chain = make_chain(bad.url, good.url)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: chain.balance(OTHER), range(100)))
    assert found == [10**22] * 100


def test_keys_that_are_refused_name_the_node(node: RpcProxy) -> None:
    node.status = 401
    with pytest.raises(KeyRefused, match=r"127\.0\.0\.1:\d+ answered 401"):
        make_chain(node.url).head()
