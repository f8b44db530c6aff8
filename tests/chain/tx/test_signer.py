"""The calls between the sender, the signer, the policy and the store: their arguments, without a chain."""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.evm import ACCOUNTS, KEYS

from ceos.chain.config.contracts import Contracts
from ceos.chain.config.models import Allow, ChainConfig, ContractEntry, TxPolicy
from ceos.chain.tx.policy import Cap
from ceos.chain.tx.quoting import Quote
from ceos.chain.tx.sender import TxSender
from ceos.chain.tx.signer import TxSigner
from ceos.chain.tx.store import InFlightTx
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.chain.tx.wallets import Wallets
from ceos.errors import KeyRefused, NonceTaken, PolicyRefused, RequestRefused, ServiceUnavailable
from ceos.evm.calldata import Signature
from ceos.evm.types import CallRequest, Fees
from ceos.settings import Settings

OWN, FRIEND, COUNTER = ACCOUNTS[1], ACCOUNTS[2], ACCOUNTS[3]
ETH, GWEI = 10**18, 10**9
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
#: 21,000 gas at 10 gwei and 1,000 gwei for L1.
QUOTE = Quote(21_000, Fees(base_fee=4 * GWEI, priority=2 * GWEI, max_fee=10 * GWEI), 1_000 * GWEI)
MAX_FEE = 211_000 * GWEI


class Recorder:
    """Records every call as (name, arguments) and answers it from `answers`, by default with None."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            self.calls.append((name, args, named))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer(*args, **named) if callable(answer) else answer

        return call

    def arguments(self, name: str) -> list[tuple[Any, ...]]:
        return [(*args, *named.values()) for called, args, named in self.calls if called == name]


def make_policy(**changes: Any) -> TxPolicy:
    return TxPolicy(
        **{
            "chains": (8453,),
            "max_eth": "1",
            "max_eth_per_day": "2",
            "recipients": (FRIEND,),
            "allow": (Allow(contract="counter", functions=("increase(string words)",)),),
            **changes,
        }
    )


def make_client(**answers: Any) -> Any:
    client = Recorder(
        **{
            "simulate": "0x",
            "estimate_gas": QUOTE.gas,
            "fees": QUOTE.fees,
            "l1_fee": QUOTE.l1_fee,
            "balance": 5 * ETH,
            "balance_changes": [],
            "nonce": lambda account, block: {"latest": 4, "pending": 6}[block],
            "receipts": lambda hashes: [None] * len(hashes),
            **answers,
        }
    )
    client.chain_id = 8453
    return client


def make_store(**answers: Any) -> Any:
    return Recorder(
        **{
            "next_nonce": 6,
            "store_signed": "signed",
            "store_replacement": "signed",
            "tx": lambda name: make_tx(),
            **answers,
        }
    )


def make_signer(client: Any, store: Any, *, policy: TxPolicy | None = None, halted: str | None = None) -> TxSigner:
    contracts = Contracts(
        ChainConfig(
            contract=(ContractEntry(name="counter", address=COUNTER, abi=("function increase(string words)",)),)
        ),
        8453,
        Path(),
    )
    return TxSigner(
        client,
        store,
        Wallets.from_settings(Settings.from_env({"BASE_PRIVATE_KEY": KEYS[1]}, dotenv=None)),
        contracts,
        policy=policy or make_policy(),
        clock=SimpleNamespace(now=lambda: NOON),  # type: ignore[arg-type]
        halt_reason=lambda: halted,
    )


def make_sender(signer: Any, client: Any, store: Any, due_queue: Any) -> TxSender:
    return TxSender(
        signer,
        client,
        store,
        due_queue,
        config=ChainConfig(confirmations=7, stuck_seconds=30),
        clock=SimpleNamespace(now=lambda: NOON),  # type: ignore[arg-type]
        sleep=lambda _: None,
        review_hours=24,
    )


def make_request(**changes: Any) -> TxRequest:
    return TxRequest(**{"chain_id": 8453, "to": FRIEND, "value": ETH // 2, **changes})


def make_tx(**changes: Any) -> Tx:
    return Tx(
        **{
            "id": "tx/0011223344556677",
            "key": "k",
            "request": make_request(),
            "status": TxStatus.PLANNED,
            "account": OWN,
            "created_at": NOON,
            **changes,
        }
    )


def make_signed(**changes: Any) -> InFlightTx:
    tx = make_tx(status=TxStatus.SIGNED, nonce=6, hashes=("0x" + "ab" * 32,))
    return InFlightTx(**{"tx": tx, "raw": "0x02", "quote": QUOTE, **changes})


def eth_cap(amount: int, name: str = "eth-per-day") -> Cap:
    return Cap(name, "gwei", amount, 2 * GWEI, "value-per-day")


# Signer


def test_a_request_that_the_policy_refuses_is_not_shown_to_a_node() -> None:
    client = make_client()
    with pytest.raises(PolicyRefused):
        make_signer(client, make_store()).examine(make_request(to=COUNTER), OWN)
    assert client.calls == []


def test_a_transaction_is_simulated_as_its_sender_with_the_errors_of_its_contract() -> None:
    client = make_client()
    signer = make_signer(client, make_store())
    data = signer._contracts.find("counter").abi.function("increase").encode("gm")  # type: ignore[union-attr]
    quoted, verdict = signer.examine(make_request(to=COUNTER, data=data, value=0), OWN)
    call, abi = CallRequest(OWN, COUNTER, data, 0), signer._contracts.find("counter").abi
    assert client.arguments("simulate") == client.arguments("estimate_gas") == [(call, abi)]
    (raw,) = client.arguments("l1_fee")[0]
    assert raw.startswith(bytes.fromhex(data[2:])) and len(raw) == len(data) // 2 - 1 + 128
    assert (quoted, verdict.entry) == (QUOTE, 0)
    # The fees count, not the value alone.
    assert [cap.amount for cap in verdict.caps] == [MAX_FEE // GWEI]


def test_fees_count_in_the_limit_of_a_transaction() -> None:
    signer = make_signer(make_client(), make_store(), policy=make_policy(max_eth="0.5002"))
    with pytest.raises(PolicyRefused, match="rule fee"):
        signer.examine(make_request(), OWN)


def test_a_version_is_stored_with_its_nonce_its_maximum_cost_its_caps_and_its_day() -> None:
    client, store = make_client(), make_store()
    make_signer(client, store).sign(InFlightTx(make_tx()))
    assert store.arguments("next_nonce") == [(8453, OWN)]
    ((tx, nonce, chain_nonce, version, day),) = store.arguments("store_signed")
    assert (tx.id, nonce, chain_nonce, day) == ("tx/0011223344556677", 6, 4, "2026-03-02")
    assert (version.max_cost, version.quote) == (ETH // 2 + MAX_FEE, QUOTE)
    assert version.caps == (eth_cap(ETH // 2 // GWEI + MAX_FEE // GWEI),)
    assert client.arguments("balance") == [(OWN,)] and client.arguments("check") == [()]


def test_a_nonce_that_another_worker_took_is_replaced_by_the_next() -> None:
    answers = iter(["nonce 8", "signed"])
    store = make_store(store_signed=lambda *_: next(answers))
    make_signer(make_client(), store).sign(InFlightTx(make_tx()))
    (_, first, _, one, _), (_, second, _, other, _) = store.arguments("store_signed")
    assert (first, second) == (6, 8) and one.hash != other.hash


def test_the_nonce_of_the_chain_counts_where_it_is_ahead_of_ours() -> None:
    store = make_store(next_nonce=0)
    make_signer(make_client(nonce=9), store).sign(InFlightTx(make_tx()))
    assert store.arguments("store_signed")[0][1:3] == (9, 9)


def test_a_full_cap_refuses_with_its_rule_and_its_day() -> None:
    signer = make_signer(make_client(), make_store(store_signed="cap eth-per-day"))
    with pytest.raises(PolicyRefused, match=r"rule value-per-day: eth-per-day would exceed 2 ETH on 2026-03-02"):
        signer.sign(InFlightTx(make_tx()))


@pytest.mark.parametrize(
    ("approved", "status"),
    [(0, TxStatus.REVIEW), (ETH // 2 + MAX_FEE - 1, TxStatus.REVIEW), (ETH // 2 + MAX_FEE, None)],
)
def test_an_approval_covers_the_value_and_all_fees(approved: int, status: TxStatus | None) -> None:
    store = make_store()
    signer = make_signer(make_client(), store, policy=make_policy(approve_above_eth="0.1"))
    signer.sign(InFlightTx(make_tx(), approved_wei=approved))
    assert [one for _, one, *_ in store.arguments("set_status")] == ([status] if status else [])
    assert bool(store.arguments("store_signed")) is (status is None)


def test_nothing_is_signed_while_everything_is_stopped() -> None:
    client, store = make_client(), make_store()
    with pytest.raises(ServiceUnavailable, match=r"PANIC: .*fire"):
        make_signer(client, store, halted="fire").sign(InFlightTx(make_tx()))
    assert client.calls == store.calls == []


def test_a_replacement_keeps_the_larger_amount_of_each_cap() -> None:
    """Given amounts reserved at higher fees, when the fees have fallen, then the reservation does not shrink."""
    store, old = make_store(), (eth_cap(ETH // GWEI), eth_cap(3, "eth-per-agent-per-day:ada"))
    make_signer(make_client(), store).replace(make_signed(caps=old))
    ((tx, version, is_cancel),) = store.arguments("store_replacement")
    assert (tx.id, is_cancel, version.caps) == ("tx/0011223344556677", False, old)


def test_a_replacement_reserves_more_where_it_may_cost_more() -> None:
    store = make_store()
    make_signer(make_client(), store).replace(make_signed(caps=(eth_cap(1),)))
    ((_, version, _),) = store.arguments("store_replacement")
    assert version.quote.fees.max_fee == 10 * GWEI * 1125 // 1000
    assert version.max_cost == ETH // 2 + version.quote.max_fee_wei
    assert version.caps == (eth_cap(-(-version.max_cost // GWEI)),)


def test_a_cancellation_keeps_what_the_cancelled_versions_reserved() -> None:
    """Given a signed transaction, when it is cancelled, then its value stays reserved: it may still be mined."""
    store, reserved = make_store(), (eth_cap(ETH // 2 // GWEI + MAX_FEE // GWEI),)
    make_signer(make_client(), store).cancel(make_signed(caps=reserved))
    ((_, version, is_cancel),) = store.arguments("store_replacement")
    assert (version.caps, is_cancel) == (reserved, True)
    assert (version.quote.gas, version.max_cost) == (60_000, version.quote.max_fee_wei)


def test_a_replacement_beyond_its_approval_is_refused() -> None:
    signer = make_signer(make_client(), make_store(), policy=make_policy(approve_above_eth="0.1"))
    with pytest.raises(PolicyRefused, match="rule approval"):
        signer.replace(make_signed(approved_wei=ETH // 2 + MAX_FEE))
    signer.replace(make_signed(approved_wei=ETH))


def test_the_result_of_the_simulation_is_compared_with_the_minimum_of_a_swap() -> None:
    swap = "swap(uint256 amount, uint256 least) returns (uint256)"
    allow = Allow(contract="counter", functions=(swap,), max_eth="1", min_out="least")
    data = "0x" + Signature.parse(swap).selector[2:] + f"{1:064x}{96:064x}"
    request = make_request(to=COUNTER, data=data)
    for returned, is_refused in ((100, True), (98, False)):
        signer = make_signer(
            make_client(simulate=f"0x{returned:064x}"), make_store(), policy=make_policy(allow=(allow,))
        )
        with pytest.raises(PolicyRefused, match="rule min-out") if is_refused else nullcontext():
            signer.examine(request, OWN)


def test_a_cancellation_pays_no_more_fees_than_the_policy_allows() -> None:
    store = make_store()
    signer = make_signer(make_client(fees=Fees(base_fee=1, priority=1, max_fee=ETH)), store)
    with pytest.raises(PolicyRefused, match="rule fee"):
        signer.cancel(make_signed())
    assert store.calls == []


@pytest.mark.parametrize("act", [TxSigner.sign, TxSigner.replace, TxSigner.cancel])
def test_a_key_of_another_account_signs_nothing(act: Any) -> None:
    store, signed = make_store(), make_signed()
    tx = signed.tx.model_copy(update={"account": FRIEND})
    with pytest.raises(KeyRefused, match=f"is for the account {FRIEND}, and the key here is that of {OWN}"):
        act(make_signer(make_client(), store), InFlightTx(tx, quote=QUOTE))
    assert store.calls == []


# Sender


def make_flight_store(flight: InFlightTx, **answers: Any) -> Any:
    return make_store(
        in_flight=flight,
        tx=lambda name: flight.tx,
        set_reason=lambda tx, reason: tx,
        set_status=lambda tx, *_, **__: tx,
        **answers,
    )


@pytest.mark.parametrize(("age", "everywhere"), [(9_999, False), (10_000, True)])
def test_the_stored_bytes_are_sent_to_every_node_once_they_are_late(age: int, everywhere: bool) -> None:
    flight = make_signed(now=20_000, signed_at=20_000 - age)
    client, store, queue = make_client(), make_flight_store(flight), Recorder()
    make_sender(make_signer(client, store), client, store, queue).process(flight.tx.id)
    assert client.arguments("send_raw") == [("0x02", everywhere)]
    assert store.arguments("record_sent") == [(flight.tx, 20_000)]
    assert queue.arguments("postpone") == [(flight.tx.id, 2.0)]


def test_bytes_that_were_just_sent_are_not_sent_again() -> None:
    flight = make_signed(now=20_000, signed_at=19_000, sent_at=10_001)
    client, store = make_client(), make_flight_store(flight)
    make_sender(make_signer(client, store), client, store, Recorder()).process(flight.tx.id)
    assert client.arguments("send_raw") == []


def test_stored_bytes_are_not_sent_while_everything_is_stopped() -> None:
    flight = make_signed(now=20_000, signed_at=19_000)
    client, store, queue = make_client(), make_flight_store(flight), Recorder()
    make_sender(make_signer(client, store, halted="fire"), client, store, queue).process(flight.tx.id)
    assert client.arguments("send_raw") == [] and queue.arguments("postpone") == [(flight.tx.id, 10.0)]


def test_a_taken_nonce_is_checked_for_all_versions_at_the_configured_depth() -> None:
    flight = make_signed(now=20_000, signed_at=10_000)
    client = make_client(send_raw=NonceTaken("taken"), receipts_and_nonce=([None], 7))
    store = make_flight_store(flight)
    make_sender(make_signer(client, store), client, store, Recorder()).process(flight.tx.id)
    assert client.arguments("receipts_and_nonce") == [(OWN, flight.tx.hashes, 7)]
    assert [status for _, status, *_ in store.arguments("set_status")] == [TxStatus.FAILED]


@pytest.mark.parametrize(("stuck_ms", "replaced"), [(29_999, False), (30_000, True)])
def test_a_transaction_is_replaced_after_the_configured_time(stuck_ms: int, replaced: bool) -> None:
    flight = make_signed(now=100_000, signed_at=100_000 - stuck_ms, sent_at=99_999)
    client, store = make_client(nonce=6), make_flight_store(flight)
    make_sender(make_signer(client, store), client, store, Recorder()).process(flight.tx.id)
    assert bool(store.arguments("store_replacement")) is replaced


def test_an_approval_allows_twice_the_fees_that_were_shown() -> None:
    tx = make_tx(status=TxStatus.REVIEW)
    client, store = make_client(), make_flight_store(InFlightTx(tx))
    make_sender(make_signer(client, store), client, store, Recorder()).approve(tx.id)
    assert store.arguments("set_status") == [(tx, TxStatus.PLANNED, {"ok": str(ETH // 2 + 2 * MAX_FEE)})]


def test_an_approval_is_for_the_preview_that_was_shown() -> None:
    tx = make_tx(status=TxStatus.REVIEW)
    client, store = make_client(), make_flight_store(InFlightTx(tx))
    sender = make_sender(make_signer(client, store), client, store, Recorder())
    seen = sender.preview(tx.request)
    client.answers["fees"] = Fees(base_fee=1, priority=1, max_fee=10**12)
    sender.approve(tx.id, seen)
    assert store.arguments("set_status")[0][2] == {"ok": str(ETH // 2 + 2 * MAX_FEE)}


@pytest.mark.parametrize(("data", "tokens"), [("0x", []), ("call", [COUNTER])])
def test_a_preview_asks_for_the_balances_of_the_called_token(data: str, tokens: list[str]) -> None:
    client, store = make_client(), make_store()
    signer = make_signer(client, store)
    request = make_request()
    if data == "call":
        encoded = signer._contracts.find("counter").abi.function("increase").encode("gm")  # type: ignore[union-attr]
        request = make_request(to=COUNTER, data=encoded, value=0)
    make_sender(signer, client, store, Recorder()).preview(request)
    call = CallRequest(OWN, request.to, request.data, request.value)
    assert client.arguments("balance_changes") == [(call, tokens)]


def test_an_account_that_cannot_pay_the_fees_submits_nothing() -> None:
    client, store = make_client(balance=ETH // 2 + MAX_FEE - 1), make_store()
    sender = make_sender(make_signer(client, store), client, store, Recorder())
    with pytest.raises(RequestRefused, match="send it some"):
        sender.submit(make_request(), key="poor")
    client.answers["balance"] = ETH // 2 + MAX_FEE
    store.answers["create_tx"] = make_tx()
    sender.submit(make_request(), key="exact")
    assert store.arguments("create_tx") == [(make_request(), "exact", OWN, "")]


def test_the_approval_reason_of_the_policy_sends_a_transaction_to_review() -> None:
    client, store = make_client(), make_store(create_tx=make_tx())
    signer = make_signer(client, store, policy=make_policy(approve_above_eth=Decimal("0.1")))
    make_sender(signer, client, store, Recorder()).submit(make_request(), key="big")
    assert store.arguments("create_tx")[0][3].startswith("it may cost 0.500211 ETH, more than 0.1")
