"""The sender executes each transaction once, whatever nodes answer and whichever process dies; on a real chain."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.evm import ACCOUNTS, KEYS, Deployed, Evm
from helpers.rpc_proxy import RpcProxy, hang_up, lose_answer

from ceos.chain.tx.store import TxStore
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.chain.wiring import Chain
from ceos.errors import InvalidInput, PolicyRefused, RequestRefused, Reverted, StoreUnavailable
from ceos.testing import FakeRuntime, fake_runtime

#: The account of these tests, one of anvil's own.
OWN = ACCOUNTS[1]

FILE = """
confirmations = 2
stuck_seconds = 5
[[contract]]
name = "counter"
address = "{counter}"
abi = ["function increase(string words)", "function refuse(uint256 number)", "function many(uint256 times)",
  "error TooMuch(uint256 number)"]
[policy]
chains = [8453]
max_eth = "1"
max_eth_per_day = "2"
approve_above_eth = "0.5"
recipients = ["{friend}"]
[[policy.allow]]
contract = "counter"
functions = ["increase(string words)", "refuse(uint256 number)", "many(uint256 times)"]
"""


class Bench:
    """A chain, a contract on it, and ceos on top."""

    def __init__(self, evm: Evm, counter: Deployed, fake: FakeRuntime, start: Callable[[str], Chain]) -> None:
        self.fake = fake
        self.redis: Any = fake.runtime.database.client
        self.evm = evm
        self.counter = counter
        self._start = start
        self.chain: Chain = start(evm.url)

    def through(self, url: str) -> Chain:
        """Return another process's view: the same Redis, another node."""
        self.chain = self._start(url)
        return self.chain

    def request(self, words: str = "gm", **changes: Any) -> TxRequest:
        data = self.counter.encode("increase(string)", words)
        return TxRequest(**{"chain_id": 8453, "to": self.counter.address, "data": data, **changes})

    def settle(self, tx: Tx) -> Tx:
        """Process a transaction to its end, with blocks on top of it."""
        self.chain.sender.wait(tx.id, 20)
        self.evm.mine(3)
        return self.chain.sender.process(tx.id)

    def count(self) -> int:
        return int(self.evm.rpc("eth_call", {"to": self.counter.address, "data": self.counter.encode("count()")}), 16)

    def sent(self) -> int:
        return int(self.evm.rpc("eth_getTransactionCount", OWN, "latest"), 16)

    def make_late(self, tx: Tx, *, minutes: float = 10, was_sent_again: bool = False) -> None:
        """Let a transaction have been signed so long ago, and sent last then or only just now."""
        now = int(time.time() * 1000)
        signed = now - int(minutes * 60_000)
        self.redis.hset(f"ceos:{tx.id}", mapping={"signed": signed, "sent": now if was_sent_again else signed})


@pytest.fixture
def bench(evm: Evm, tmp_path: Path, ceos_home: Path, ceos_simulator: Any) -> Iterator[Bench]:
    counter = evm.deploy("counter")
    file = tmp_path / "chain.toml"
    file.write_text(FILE.format(counter=counter.address, friend=ACCOUNTS[2]))
    environ = {"BASE_RPC_URL": evm.url, "BASE_PRIVATE_KEY": KEYS[1], "CEOS_CHAIN_FILE": str(file)}
    with fake_runtime(ceos_home, simulator=ceos_simulator, **environ) as fake:

        def start(url: str) -> Chain:
            settings = fake.runtime.settings.model_copy(update={"base_rpc_url": url})
            return Chain(replace(fake.runtime.chain._deps, settings=settings))

        yield Bench(evm, counter, fake, start)


def test_a_transaction_is_signed_sent_mined_and_final_once_it_is_deep_enough(bench: Bench) -> None:
    tx = bench.chain.sender.submit(bench.request(), key="first")
    assert (tx.status, tx.nonce, tx.hashes) == (TxStatus.PLANNED, None, ())
    tx = bench.chain.sender.wait(tx.id, 20)
    assert (tx.status, tx.nonce) == (TxStatus.MINED, 0)
    assert tx.is_done and tx.receipt is not None
    bench.evm.mine(3)
    tx = bench.chain.sender.process(tx.id)
    assert tx.status is TxStatus.FINAL
    assert tx.cost_wei is not None and 0 < tx.cost_wei <= (tx.max_cost_wei or 0)
    assert bench.count() == 1
    assert bench.chain.due_queue.task_ids() == []


def test_the_same_key_is_the_same_transaction_for_ever(bench: Bench) -> None:
    tx = bench.chain.sender.submit(bench.request(), key="once")
    assert bench.chain.sender.submit(bench.request(), key="once").id == tx.id
    bench.settle(tx)
    assert bench.chain.sender.submit(bench.request(), key="once").status is TxStatus.FINAL
    assert bench.chain.sender.process(tx.id).status is TxStatus.FINAL
    assert (bench.count(), bench.sent()) == (1, 1)
    with pytest.raises(InvalidInput, match="another transaction already"):
        bench.chain.sender.submit(bench.request("something else"), key="once")


def test_a_request_that_the_policy_refuses_is_not_stored(bench: Bench) -> None:
    with pytest.raises(PolicyRefused) as refused:
        bench.chain.sender.submit(bench.request(to=ACCOUNTS[3]), key="no")
    assert refused.value.rule == "contract"
    with pytest.raises(PolicyRefused) as refused:
        bench.chain.sender.submit(bench.request(chain_id=1), key="no")
    assert refused.value.rule == "chain"
    assert bench.chain.sender.recent() == []
    assert bench.sent() == 0


def test_a_preview_signs_and_stores_nothing(bench: Bench) -> None:
    preview = bench.chain.sender.preview(bench.request(to=ACCOUNTS[2], data="0x", value=5))
    assert preview.account == OWN
    assert preview.quote.gas >= 21_000
    assert [change.change for change in preview.changes if change.account == OWN and change.asset == "ETH"] == [-5]
    assert bench.chain.sender.recent() == []
    assert bench.sent() == 0


def test_a_call_that_reverts_is_not_sent_and_names_the_reason(bench: Bench) -> None:
    refusal = bench.request(data=bench.counter.encode("refuse(uint256)", 7))
    with pytest.raises(Reverted, match=r"TooMuch\(number=7\)"):
        bench.chain.sender.submit(refusal, key="no")
    assert bench.sent() == 0


def test_an_account_without_enough_eth_gets_the_needed_amount_in_the_error(bench: Bench) -> None:
    bench.evm.rpc("anvil_setBalance", OWN, hex(10**12))
    with pytest.raises(RequestRefused, match=r"has 0\.000001 ETH and this may take"):
        bench.chain.sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=10**12), key="poor")
    assert bench.sent() == 0


def test_the_daily_limit_holds_for_all_signed_transactions_together(bench: Bench) -> None:
    for index in range(4):
        tx = bench.chain.sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=45 * 10**16), key=f"pay:{index}")
        bench.settle(tx)
    assert bench.chain.sender.tx(tx.id).status is TxStatus.FINAL
    tx = bench.chain.sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=45 * 10**16), key="pay:4")
    tx = bench.chain.sender.process(tx.id)
    assert tx.status is TxStatus.FAILED
    assert "rule value-per-day" in tx.reason
    assert bench.sent() == 4


def test_a_transaction_above_the_threshold_waits_for_approval(bench: Bench) -> None:
    tx = bench.chain.sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=6 * 10**17), key="big")
    assert bench.chain.sender.process(tx.id).status is TxStatus.REVIEW
    assert [one.id for one in bench.chain.sender.review_queue()] == [tx.id]
    assert bench.sent() == 0
    bench.chain.sender.approve(tx.id)
    assert bench.settle(tx).status is TxStatus.FINAL
    with pytest.raises(InvalidInput, match="does not wait for approval"):
        bench.chain.sender.approve(tx.id)


def test_nothing_is_signed_or_sent_in_a_panic(bench: Bench) -> None:
    tx = bench.chain.sender.submit(bench.request(), key="panic")
    bench.fake.runtime.ops.set_panic("stop everything")
    tx = bench.chain.sender.process(tx.id)
    assert (tx.status, tx.nonce) == (TxStatus.PLANNED, None)
    assert "stop everything" in tx.reason
    bench.fake.runtime.ops.set_panic(None)
    assert bench.settle(tx).status is TxStatus.FINAL


def test_a_rejected_transaction_is_never_signed(bench: Bench) -> None:
    tx = bench.chain.sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=6 * 10**17), key="big")
    assert bench.chain.sender.reject(tx.id, "no").status is TxStatus.REJECTED
    assert bench.chain.sender.process(tx.id).status is TxStatus.REJECTED
    assert bench.sent() == 0


def test_a_node_that_takes_a_transaction_and_then_goes_silent_gets_the_same_bytes_again(bench: Bench) -> None:
    with RpcProxy(bench.evm.url) as node:
        node.answer("eth_sendRawTransaction", lose_answer, times=1)
        chain = bench.through(node.url)
        tx = chain.sender.submit(bench.request(), key="silent")
        tx = chain.sender.process(tx.id)
        assert tx.status in (TxStatus.SIGNED, TxStatus.MINED)
        chain.sender.wait(tx.id, 20)
        assert bench.settle(tx).status is TxStatus.FINAL
    assert len(chain.sender.tx(tx.id).hashes) == 1
    assert (bench.count(), bench.sent()) == (1, 1)


def test_a_stuck_transaction_is_replaced_by_one_that_pays_more_and_happens_once(bench: Bench) -> None:
    bench.evm.automine(False)
    tx = bench.chain.sender.submit(bench.request(), key="stuck")
    assert bench.chain.sender.process(tx.id).status is TxStatus.SIGNED
    bench.make_late(tx)
    tx = bench.chain.sender.process(tx.id)
    assert len(tx.hashes) == 2
    pool = bench.evm.rpc("txpool_content")["pending"][OWN.lower()]
    assert pool["0"]["hash"] == tx.hashes[1]
    bench.evm.mine()
    tx = bench.settle(tx)
    assert (tx.status, tx.hash) == (TxStatus.FINAL, tx.hashes[1])
    assert (bench.count(), bench.sent()) == (1, 1)


def test_of_several_versions_the_one_that_was_mined_counts(bench: Bench) -> None:
    bench.evm.automine(False)
    tx = bench.chain.sender.submit(bench.request(), key="stuck")
    bench.chain.sender.process(tx.id)
    with RpcProxy(bench.evm.url) as node:
        # The second version is signed and stored, and never reaches the chain: the first one is mined.
        node.answer("eth_sendRawTransaction", hang_up)
        chain = bench.through(node.url)
        bench.make_late(tx, was_sent_again=True)
        assert len(chain.sender.process(tx.id).hashes) == 2
    bench.evm.mine()
    bench.through(bench.evm.url)
    tx = bench.settle(tx)
    assert (tx.status, tx.hash) == (TxStatus.FINAL, tx.hashes[0])
    assert bench.count() == 1


def test_a_transaction_that_a_re_org_removes_is_sent_again_and_happens_once(bench: Bench) -> None:
    mark = bench.evm.snapshot()
    tx = bench.chain.sender.submit(bench.request(), key="reorg")
    assert bench.chain.sender.wait(tx.id, 20).status is TxStatus.MINED
    bench.evm.revert(mark)
    assert bench.count() == 0
    bench.chain.sender.process(tx.id)
    tx = bench.settle(tx)
    assert (tx.status, len(tx.hashes)) == (TxStatus.FINAL, 1)
    assert (bench.count(), bench.sent()) == (1, 1)


def test_a_nonce_used_by_another_program_fails_the_transaction_and_a_new_attempt_succeeds(bench: Bench) -> None:
    with RpcProxy(bench.evm.url) as node:
        node.answer("eth_sendRawTransaction", hang_up)
        chain = bench.through(node.url)
        tx = chain.sender.submit(bench.request(), key="mine")
        assert chain.sender.process(tx.id).status is TxStatus.SIGNED
    bench.evm.send(ACCOUNTS[3], value=1, sender=OWN)
    bench.through(bench.evm.url)
    bench.make_late(tx)
    assert bench.chain.sender.process(tx.id).status is TxStatus.SIGNED
    bench.evm.mine(3)
    bench.make_late(tx)
    tx = bench.chain.sender.process(tx.id)
    assert tx.status is TxStatus.FAILED
    assert "another transaction with nonce 0" in tx.reason
    tx = bench.chain.sender.submit(bench.request(), key="mine")
    assert bench.settle(tx).status is TxStatus.FINAL
    assert (bench.count(), bench.sent()) == (1, 2)


def test_sender_does_not_treat_a_missing_receipt_as_failure_after_downtime(bench: Bench) -> None:
    with RpcProxy(bench.evm.url) as node:
        chain = bench.through(node.url)
        tx = chain.sender.submit(bench.request(), key="away")
        node.answer("eth_sendRawTransaction", lose_answer, times=1)
        assert chain.sender.process(tx.id).status is TxStatus.SIGNED
        bench.evm.mine(5)
        # It was mined; but the nodes have forgotten receipts by the time a worker comes back.
        node.answer("eth_getTransactionReceipt", None)
        bench.make_late(tx, minutes=90)
        tx = chain.sender.process(tx.id)
        assert tx.status is TxStatus.SIGNED
        assert "no node has the receipt" in tx.reason
    assert bench.count() == 1


def test_a_receipt_with_too_many_logs_to_store_is_fetched_again_on_demand(bench: Bench) -> None:
    tx = bench.settle(
        bench.chain.sender.submit(bench.request(data=bench.counter.encode("many(uint256)", 300)), key="m")
    )
    assert tx.receipt is not None
    assert tx.receipt.logs == ()
    receipt = bench.chain.sender.receipt(tx)
    assert receipt is not None
    assert len(receipt.logs) == 300


def test_a_stuck_transaction_can_be_cancelled(bench: Bench) -> None:
    bench.evm.automine(False)
    tx = bench.chain.sender.submit(bench.request(), key="stuck")
    bench.chain.sender.process(tx.id)
    bench.chain.sender.reject(tx.id, "I have changed my mind")
    bench.evm.mine()
    tx = bench.settle(tx)
    assert (tx.status, tx.reason) == (TxStatus.FAILED, "cancelled: nothing was done")
    assert (bench.count(), bench.sent()) == (0, 1)


def test_a_cancelled_transaction_stays_cancelled_through_further_replacements(bench: Bench) -> None:
    bench.evm.automine(False)
    tx = bench.chain.sender.submit(bench.request(), key="stuck")
    bench.chain.sender.process(tx.id)
    bench.chain.sender.reject(tx.id, "no")
    for versions in (3, 4):
        bench.make_late(tx)
        assert len(bench.chain.sender.process(tx.id).hashes) == versions
    assert bench.evm.rpc("txpool_content")["pending"][OWN.lower()]["0"]["input"] == "0x"
    bench.evm.mine()
    tx = bench.settle(tx)
    assert (tx.status, tx.reason) == (TxStatus.FAILED, "cancelled: nothing was done")
    assert bench.count() == 0


def test_a_concurrent_replacement_does_not_undo_a_cancellation(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.evm.automine(False)
    tx = bench.chain.sender.submit(bench.request(), key="stuck")
    sender, client = bench.chain.sender, bench.chain.client
    sender.process(tx.id)

    def replaced_meanwhile() -> None:
        monkeypatch.undo()
        bench.make_late(tx)
        sender.process(tx.id)

    monkeypatch.setattr(client, "check", replaced_meanwhile)
    assert len(sender.reject(tx.id, "no").hashes) == 3
    bench.evm.mine()
    assert bench.settle(tx).reason == "cancelled: nothing was done"


def test_a_lie_about_fees_costs_no_more_than_the_policy_or_a_person_allows(bench: Bench) -> None:
    """Given signed transactions, when the node asks for a fortune, then neither replacing nor cancelling pays it."""
    bench.evm.automine(False)
    with RpcProxy(bench.evm.url) as node:
        sender = bench.through(node.url).sender
        tx = sender.submit(bench.request(), key="stuck")
        big = sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=51 * 10**16), key="big")
        sender.process(tx.id)
        sender.approve(big.id)
        bench.make_late(tx)
        node.answer("eth_maxPriorityFeePerGas", hex(8 * 10**17 // 82_000))
        assert "rule approval: a version with higher fees" in sender.process(tx.id).reason
        assert "its fees have risen since it was approved" in sender.process(big.id).reason
        node.answer("eth_maxPriorityFeePerGas", hex(10**18))
        with pytest.raises(PolicyRefused, match="rule fee"):
            sender.reject(tx.id, "no")
    tx, big = sender.tx(tx.id), sender.tx(big.id)
    assert (tx.status, len(tx.hashes), big.status) == (TxStatus.SIGNED, 1, TxStatus.REVIEW)


def forged(**changes: Any) -> Callable[[list[Any], Callable[[], Any]], Any]:
    """Return an act that changes what a node says of a receipt, where there is one."""

    def act(params: list[Any], forward: Callable[[], Any]) -> Any:
        receipt = forward()
        return receipt and {**receipt, **{name: one() if callable(one) else one for name, one in changes.items()}}

    return act


@pytest.mark.parametrize(
    "lie", [forged(status="0x0", gasUsed="0x0"), None], ids=["it was reverted", "it is not in any block"]
)
def test_a_node_that_denies_a_payment_does_not_raise_the_daily_limit(bench: Bench, lie: Any) -> None:
    before = bench.evm.balance(ACCOUNTS[2])
    with RpcProxy(bench.evm.url) as node:
        node.answer("eth_getTransactionReceipt", lie)
        sender = bench.through(node.url).sender
        for _ in range(6):
            tx = sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=49 * 10**16), key="pay")
            sender.process(tx.id)
            bench.evm.mine(3)
            if sender.tx(tx.id).status is TxStatus.SIGNED:
                bench.make_late(tx)
            tx = sender.process(tx.id)
    assert "rule value-per-day" in tx.reason
    assert bench.evm.balance(ACCOUNTS[2]) - before == 4 * 49 * 10**16


@pytest.mark.parametrize(
    ("lie", "status"),
    [
        pytest.param(forged(blockNumber=hex(2**53 - 1)), TxStatus.MINED, id="a block in a million years"),
        pytest.param(forged(blockHash=lambda: f"0x{uuid.uuid4().hex * 2}"), TxStatus.MINED, id="always another block"),
        pytest.param(forged(blockNumber="0x1"), TxStatus.MINED, id="a block that is deep enough"),
        pytest.param(forged(effectiveGasPrice=hex(2**250)), TxStatus.FINAL, id="a price beyond all counting"),
    ],
)
def test_a_lie_about_a_block_neither_ends_a_transaction_nor_loses_it(bench: Bench, lie: Any, status: TxStatus) -> None:
    with RpcProxy(bench.evm.url) as node:
        node.answer("eth_getTransactionReceipt", lie)
        sender = bench.through(node.url).sender
        tx = bench.settle(sender.submit(bench.request(), key="lie"))
        assert tx.status is status
        assert all(
            score < (time.time() + 120) * 1000
            for _, score in bench.redis.zrange("ceos:chain:due", 0, -1, withscores=True)
        )
    bench.through(bench.evm.url)
    bench.chain.sender.process(tx.id)
    assert bench.chain.sender.process(tx.id).status is TxStatus.FINAL


def test_a_worker_that_knows_only_older_versions_does_not_fail_the_transaction(bench: Bench) -> None:
    bench.evm.automine(False)
    sender = bench.chain.sender
    tx = sender.submit(bench.request(), key="stuck")
    sender.process(tx.id)
    old = sender._txs.in_flight(tx.id)
    bench.make_late(tx)
    sender.process(tx.id)
    bench.evm.mine(4)
    # The first version is in no block, and its nonce is used.
    assert sender._settle_taken_nonce(old).status is TxStatus.SIGNED
    assert sender.wait(tx.id, 20).status is TxStatus.FINAL
    assert bench.count() == 1


def test_a_late_transaction_is_sent_to_every_node(bench: Bench) -> None:
    with RpcProxy(bench.evm.url) as node:
        node.answer("eth_sendRawTransaction", "0x" + "1" * 64)
        sender = bench.through(f"{node.url},{bench.evm.url}").sender
        tx = sender.submit(bench.request(), key="swallowed")
        assert sender.process(tx.id).status is TxStatus.SIGNED
        bench.make_late(tx)
        assert sender.process(tx.id).status is TxStatus.MINED


def test_nothing_is_signed_while_another_program_s_transactions_wait(bench: Bench) -> None:
    bench.evm.automine(False)
    bench.evm.rpc("eth_sendTransaction", {"from": OWN, "to": ACCOUNTS[3], "value": "0x1"})
    tx = bench.chain.sender.submit(bench.request(), key="polite")
    tx = bench.chain.sender.process(tx.id)
    assert (tx.status, tx.nonce) == (TxStatus.PLANNED, None)
    assert "not of ceos and not mined, up to nonce 0" in tx.reason
    bench.evm.mine()
    assert bench.chain.sender.process(tx.id).nonce == 1


def test_a_transaction_says_which_nonce_it_waits_for(bench: Bench) -> None:
    with RpcProxy(bench.evm.url) as node:
        node.answer("eth_getTransactionCount", "0x7", times=2)
        sender = bench.through(node.url).sender
        first, second = (sender.submit(bench.request(words), key=words) for words in ("one", "two"))
        for tx in (first, second):
            sender.process(tx.id)
            bench.make_late(tx)
        assert "waits for nonce 0, which no transaction of ceos has" in sender.process(first.id).reason
        node.answer("eth_getTransactionCount", "0x7")
        assert f"waits for {first.id}, which has nonce 7" in sender.process(second.id).reason
    assert [tx.id for tx in sender.open_txs()] == [first.id, second.id]


def test_an_unreachable_redis_fails_no_transaction(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tx = bench.chain.sender.submit(bench.request(), key="away")

    def away(*_: Any) -> str:
        raise StoreUnavailable

    monkeypatch.setattr(TxStore, "store_signed", away)
    with pytest.raises(StoreUnavailable):
        bench.chain.sender.process(tx.id)
    monkeypatch.undo()
    assert bench.settle(tx).status is TxStatus.FINAL


def test_a_node_of_another_chain_gets_nothing_to_sign(bench: Bench) -> None:
    with RpcProxy(bench.evm.url) as node:
        chain = bench.through(node.url)
        tx = chain.sender.submit(bench.request(), key="liar")
        # It said 8453 at first, and now it says what it is.
        node.answer("eth_chainId", "0x1")
        tx = chain.sender.process(tx.id)
        assert (tx.status, tx.nonce) == (TxStatus.PLANNED, None)
        assert "chain" in tx.reason
    bench.through(bench.evm.url)
    assert bench.settle(tx).status is TxStatus.FINAL


def test_a_transaction_reverted_in_its_block_still_counts_for_the_day(bench: Bench) -> None:
    bench.evm.automine(False)
    tx = bench.chain.sender.submit(bench.request(to=ACCOUNTS[2], data="0x", value=10**17), key="late")
    bench.chain.sender.process(tx.id)
    reserved = bench.chain.sender.spent_today()["eth-per-day"]
    assert reserved > 10**8
    # Between simulation and block, the recipient has become a contract that refuses ETH.
    bench.evm.rpc("anvil_setCode", ACCOUNTS[2], "0x60006000fd")
    bench.evm.mine()
    tx = bench.settle(tx)
    assert tx.status is TxStatus.REVERTED
    assert not tx.is_done
    assert bench.chain.sender.spent_today()["eth-per-day"] == reserved


def test_an_abandoned_transaction_is_continued_by_a_scheduler_and_a_worker(bench: Bench) -> None:
    tx = bench.chain.sender.submit(bench.request(), key="left")
    for _ in range(2):
        bench.fake.step()
        bench.evm.mine(3)
        # As if the time had come at which it is to be looked at again.
        bench.redis.zadd("ceos:chain:due", {tx.id: 0}, xx=True)
    assert bench.chain.sender.tx(tx.id).status is TxStatus.FINAL
    assert bench.count() == 1
