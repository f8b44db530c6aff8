"""The chain as ceos sees it: blocks, balances, calls, logs, fees, receipts, sending; through nodes that fail or lie.

    chain = BaseChain(settings.rpc_urls(), settings.base_chain_id)
    chain.check()
    supply = chain.call(token, Abi.named("erc20").function("totalSupply"))

Every method raises a `ServiceError` when no node can answer: which one says what to do (`rpc.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from web3 import Web3

from ceos.chain.tx.types import TxRequest
from ceos.domain.text import visible
from ceos.errors import NonceTaken, RequestRefused, Reverted, ServiceError
from ceos.evm import parsing as answers
from ceos.evm.abi import Abi, Function, explain_revert
from ceos.evm.endpoints import Endpoints, Reading
from ceos.evm.errors import reverted
from ceos.evm.simulation import Simulation
from ceos.evm.types import BalanceChange, Block, Fees, Log, Receipt, checksummed

#: Where Multicall3 is deployed on every chain that has it, and the OP Stack's price oracle.
MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
GAS_ORACLE = "0x420000000000000000000000000000000000000F"
#: Calls of one aggregate.
CALLS = 500
#: No transaction may have more gas.
MAX_GAS = 16_777_216
#: Wei for each unit of gas that go to the block's maker where the node does not say what is usual.
USUAL_PRIORITY = 1_000_000

Which = int | Literal["latest", "safe", "finalized"]


@dataclass(frozen=True)
class Call:
    """One call of many that are read together."""

    address: str
    function: Function
    args: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Token:
    """What a token says of itself; the symbol is a stranger's text."""

    address: str
    symbol: str
    decimals: int


class BaseChain:
    """One chain, through any number of nodes."""

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
        connect_timeout: float = 5,
        read_timeout: float = 20,
    ) -> None:
        self.chain_id = chain_id
        self.endpoints = Endpoints(
            urls, chain_id, sleep=sleep, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        self._has_code: dict[str, bool] = {}
        self._tokens: dict[str, Token] = {}

    def __repr__(self) -> str:
        return f"<BaseChain {self.chain_id} {self.endpoints!r}>"

    @cached_property
    def web3(self) -> Web3:
        """web3 on the same nodes."""
        return Web3(self.endpoints)

    def check(self) -> None:
        """Make sure that the nodes belong to this chain; raises `WrongChain`."""
        self.endpoints.check()

    def head(self) -> Block:
        """Return the latest block."""
        found: Block = self._ask("eth_getBlockByNumber", "latest", False, read=_block_reading("latest"))
        return found

    def block(self, which: Which) -> Block | None:
        """Return a block by number or tag, or None when there is no such block yet."""
        if which == "latest":
            return self.head()
        found: Block | None = self._ask("eth_getBlockByNumber", _tag(which), False, read=_block_reading(which))
        return found

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """Return several blocks; None for those that do not exist yet."""
        calls = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        return self._all(calls, [_block_reading(number) for number in numbers])

    def balance(self, account: str, block: Which = "latest") -> int:
        """Return how many wei an account has."""
        found: int = self._ask("eth_getBalance", account, _tag(block), read=answers.number)
        return found

    def code(self, address: str, block: Which = "latest") -> str:
        """Return the program at an address as hex; "0x" where there is none."""
        found: str = self._ask("eth_getCode", address, _tag(block), read=answers.data)
        return found

    def nonce(self, account: str, block: Literal["latest", "pending"] = "pending") -> int:
        """Return the number of the account's next transaction; "pending" counts those that wait to be mined."""
        found: int = self._ask("eth_getTransactionCount", account, block, read=answers.count)
        return found

    def call(
        self,
        address: str,
        function: Function,
        *args: Any,
        block: Which = "latest",
        sender: str | None = None,
        value: int = 0,
        abi: Abi | None = None,
    ) -> Any:
        """Call a function without a transaction and return its result; raises `Reverted`."""
        request = {"to": address, "data": function.encode(*args)}
        if sender:
            request["from"] = sender
        if value:
            request["value"] = hex(value)
        return _result(function, address, self._call(request, _tag(block), abi))

    def read(self, calls: Sequence[Call], block: Which = "latest") -> list[Any]:
        """Return the result of every call, or the `ServiceError` of a call that failed, in few requests."""
        found: list[Any] = []
        for start in range(0, len(calls), CALLS):
            part = calls[start : start + CALLS]
            is_together = len(part) > 1 and self.has_code(MULTICALL3)
            found += self._aggregated(part, block) if is_together else self._batched(part, block)
        return found

    def _aggregated(self, calls: Sequence[Call], block: Which) -> list[Any]:
        aggregate = Abi.named("multicall3").function("aggregate3")
        wanted = [(call.address, True, call.function.encode(*call.args)) for call in calls]
        try:
            results = self.call(MULTICALL3, aggregate, wanted, block=block)
        except RequestRefused:
            # All of them together need more gas than a node grants, or the block is older than Multicall3.
            return self._batched(calls, block)
        if len(results) != len(calls):
            raise answers.unreadable("result of each call")
        return [_aggregate_told(call, one) for call, one in zip(calls, results, strict=True)]

    def _batched(self, calls: Sequence[Call], block: Which) -> list[Any]:
        tag = _tag(block)
        asked = [("eth_call", [{"to": call.address, "data": call.function.encode(*call.args)}, tag]) for call in calls]
        found = self.endpoints.batch(asked, [answers.data] * len(calls))
        return [_told(call, one) for call, one in zip(calls, found, strict=True)]

    def has_code(self, address: str) -> bool:
        """Say whether a contract is at an address; what is there stays there, so it is asked once."""
        if not self._has_code.get(address):
            self._has_code[address] = self.code(address) != "0x"
        return self._has_code[address]

    def token(self, address: str) -> Token:
        """Return what a token says of itself."""
        if address not in self._tokens:
            erc20 = Abi.named("erc20")
            symbol, decimals = self.read(
                [Call(address, erc20.function("symbol")), Call(address, erc20.function("decimals"))]
            )
            if isinstance(decimals, ServiceError):
                raise decimals
            name = visible(symbol, keep="")[:32] if isinstance(symbol, str) else ""
            self._tokens[address] = Token(checksummed(address), name, decimals)
        return self._tokens[address]

    def token_balance(self, address: str, owner: str) -> int:
        """Return how much of a token an account has, in its smallest unit."""
        return int(self.call(address, Abi.named("erc20").function("balanceOf"), owner))

    def logs(self, address: str | Sequence[str], topics: Sequence[Any], start: int, end: int) -> list[Log]:
        """Return the logs of the blocks from `start` to `end`; raises `RangeRefused` when those are too many."""
        return self.search(address, topics, start, end, ())[0]

    def search(
        self, address: str | Sequence[str], topics: Sequence[Any], start: int, end: int, numbers: Sequence[int]
    ) -> tuple[list[Log], list[Block | None]]:
        """As `logs`, and the blocks of these numbers as of the same moment: one node is asked for both at once.

        A node that lags says "no logs" of blocks it does not know yet; here it cannot name those blocks either.
        """
        addresses = [address] if isinstance(address, str) else list(address)
        asked = {"topics": list(topics), "fromBlock": hex(start), "toBlock": hex(end)}
        if addresses:
            asked["address"] = addresses[0] if len(addresses) == 1 else addresses
        wanted = frozenset(map(checksummed, addresses))
        logs, *blocks = self._all(
            [("eth_getLogs", [asked]), *(("eth_getBlockByNumber", [hex(number), False]) for number in numbers)],
            [lambda value: answers.logs_within(value, wanted, start, end), *map(_block_reading, numbers)],
        )
        return logs, blocks

    def simulate(self, request: TxRequest, sender: str, abi: Abi | None = None) -> str:
        """Carry out a transaction without sending it, and return what it gives back; raises `Reverted`."""
        return self._call(_as_call(request, sender), "latest", abi)

    def estimate_gas(self, request: TxRequest, sender: str, abi: Abi | None = None) -> int:
        """Return the gas to grant a transaction: what it needs now and a fifth more; raises `Reverted`."""
        with _in_words_of(abi):
            needed: int = self._ask("eth_estimateGas", _as_call(request, sender), read=answers.count)
        if needed > MAX_GAS:
            raise RequestRefused(f"The transaction needs {needed} gas, and none may have more than {MAX_GAS}.")
        return min(needed + needed // 5, MAX_GAS)

    def fees(self) -> Fees:
        """Return what a transaction should offer to get into one of the next blocks."""
        base, priority = self.endpoints.batch(
            [("eth_getBlockByNumber", ["pending", False]), ("eth_maxPriorityFeePerGas", [])],
            [answers.base_fee_of, answers.number],
        )
        if base is None or isinstance(base, ServiceError):
            base = self.head().base_fee
        tip = USUAL_PRIORITY if isinstance(priority, ServiceError) else max(priority, 1)
        return Fees(base_fee=base, priority=tip, max_fee=2 * base + tip)

    def l1_fee(self, raw_or_unsigned: bytes) -> int:
        """Return the most that putting these bytes on L1 should cost, a fifth more than now; 0 where there is no L1."""
        if not self.has_code(GAS_ORACLE):
            return 0
        oracle = Abi.named("gas_oracle")
        try:
            fee = self.call(GAS_ORACLE, oracle.function("getL1Fee"), raw_or_unsigned)
        except RequestRefused:
            fee = self.call(GAS_ORACLE, oracle.function("getL1FeeUpperBound"), len(raw_or_unsigned))
        return -(-int(fee) * 6 // 5)

    def send_raw(self, raw: str, *, everywhere: bool = False) -> None:
        """Send a signed transaction; one that the node has already is sent.

        `everywhere` sends it to every node, for one may take it and pass it on to nobody. Raises `OutcomeUnknown` when
        it may or may not have arrived: look its hash up, then send the same bytes again.
        """
        if not everywhere:
            self.endpoints.request("eth_sendRawTransaction", [raw], effect="write")
            return
        errors: list[ServiceError] = []
        for node in self.endpoints.nodes:
            try:
                self.endpoints.request("eth_sendRawTransaction", [raw], effect="write", endpoint=node.label)
            except ServiceError as error:
                errors.append(error)
        # A node that is behind takes what can never be mined any more.
        taken = [error for error in errors if isinstance(error, NonceTaken)]
        if taken or len(errors) == len(self.endpoints.nodes):
            raise (taken or errors)[0]

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return what became of a transaction, or None while it is not mined."""
        found: Receipt | None = self._ask("eth_getTransactionReceipt", tx_hash, read=_receipt_reading(tx_hash))
        return found

    def receipts(self, hashes: Sequence[str]) -> list[Receipt | None]:
        """Return what became of several transactions."""
        calls = [("eth_getTransactionReceipt", [one]) for one in hashes]
        return self._all(calls, [_receipt_reading(one) for one in hashes])

    def burial(self, hashes: Sequence[str], number: int) -> tuple[list[Receipt | None], Block | None, int]:
        """Return what became of transactions, the block of this number, and that of the latest: one node's word.

        Of two nodes, one could be left behind on a fork and the other tell how deep that is.
        """
        *found, block, head = self._all(
            [
                *(("eth_getTransactionReceipt", [one]) for one in hashes),
                ("eth_getBlockByNumber", [hex(number), False]),
                ("eth_blockNumber", []),
            ],
            [*map(_receipt_reading, hashes), _block_reading(number), answers.count],
        )
        return found, block, head

    def settled(self, account: str, hashes: Sequence[str], depth: int) -> tuple[list[Receipt | None], int]:
        """Return what became of transactions, and the account's next nonce as of `depth` blocks ago: one node's word.

        A nonce that is used so deep while none of the transactions is mined will never be theirs.
        """
        deep = max(0, self.head().number - depth)
        receipts = [("eth_getTransactionReceipt", [one]) for one in hashes]
        count = ("eth_getTransactionCount", [account, hex(deep)])
        *found, nonce = self._all(
            [*receipts, count],
            [*map(_receipt_reading, hashes), lambda value: answers.count(value, "eth_getTransactionCount")],
        )
        return found, nonce

    def balance_changes(self, request: TxRequest, sender: str, tokens: Sequence[str] = ()) -> list[BalanceChange]:
        """Return how a transaction would change what its sender has, in ETH without the fee, and in these tokens.

        Where no node can simulate that, it is read from the transaction itself, and marked so.
        """
        return Simulation(self, request, sender, tokens).changes()

    def _ask(self, method: str, *params: Any, read: Reading) -> Any:
        return self.endpoints.request(method, params, read=read)

    def _all(self, calls: Sequence[tuple[str, list[Any]]], reads: Sequence[Reading]) -> list[Any]:
        return self.endpoints.together(calls, reads)

    def _call(self, request: dict[str, Any], block: str, abi: Abi | None) -> str:
        with _in_words_of(abi):
            found: str = self._ask("eth_call", request, block, read=answers.data)
        return found


@contextmanager
def _in_words_of(abi: Abi | None) -> Iterator[None]:
    """Have a refusal told in the words of the contract's own errors."""
    try:
        yield
    except Reverted as error:
        reason = abi.explain_revert(error.data) if abi else ""
        if not reason:
            raise
        raise reverted(reason, error.data) from None


def _block_reading(which: Which) -> Reading:
    return lambda value: answers.block_of(value, which)


def _receipt_reading(tx_hash: str) -> Reading:
    return lambda value: answers.receipt_of(value, tx_hash)


def _tag(block: Which) -> str:
    return hex(block) if isinstance(block, int) else block


def _as_call(request: TxRequest, sender: str) -> dict[str, str]:
    return {"from": sender, "to": request.to, "data": request.data, "value": hex(request.value)}


def _result(function: Function, address: str, returned: str) -> Any:
    try:
        return function.decode_result(returned)
    except ValueError as error:
        why = "there is no contract at this address" if returned == "0x" else str(error)
        raise RequestRefused(f"{address} gave no usable answer to {function.signature}: {why}.") from None


def _told(call: Call, returned: str | ServiceError) -> Any:
    if isinstance(returned, ServiceError):
        return returned
    try:
        return _result(call.function, call.address, returned)
    except ServiceError as error:
        return error


def _aggregate_told(call: Call, one: Mapping[str, Any]) -> Any:
    if one["success"]:
        return _told(call, one["returnData"])
    return reverted(explain_revert(one["returnData"]), one["returnData"])
