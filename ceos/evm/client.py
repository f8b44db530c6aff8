"""A client for one EVM chain through several nodes, any of which may fail or lie.

    client = EvmClient(["https://mainnet.base.org"], 8453)
    client.check()
    supply = client.call(token, Abi.named("erc20").function("totalSupply"))

Every method raises a `ServiceError` when no node can answer; its class says what to do (`Endpoints.request`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from web3 import Web3

from ceos.errors import NonceTaken, RequestRefused, Reverted, ServiceError
from ceos.evm import parsing
from ceos.evm.abi import Abi, Function, explain_revert
from ceos.evm.endpoints import Endpoints, Parser
from ceos.evm.errors import printable, reverted
from ceos.evm.simulation import TxSimulation
from ceos.evm.types import BalanceChange, Block, CallRequest, Fees, Log, Receipt, checksummed

#: The address of Multicall3 on every chain that has it, and of the OP Stack's gas price oracle.
MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
GAS_ORACLE = "0x420000000000000000000000000000000000000F"
#: The maximum number of calls in one aggregate.
MAX_CALLS = 500
#: The protocol's gas limit of one transaction.
MAX_GAS = 16_777_216
#: The priority fee in wei where the node suggests none.
DEFAULT_PRIORITY = 1_000_000

BlockId = int | Literal["latest", "safe", "finalized"]


@dataclass(frozen=True)
class ContractCall:
    """One contract call of a bulk read."""

    address: str
    function: Function
    args: tuple[Any, ...] = ()


@dataclass(frozen=True)
class TokenInfo:
    """The metadata that a token reports; the symbol is untrusted text."""

    address: str
    symbol: str
    decimals: int


class EvmClient:
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
        self._with_code: set[str] = set()
        self._tokens: dict[str, TokenInfo] = {}

    def __repr__(self) -> str:
        return f"<EvmClient {self.chain_id} {self.endpoints!r}>"

    @cached_property
    def web3(self) -> Web3:
        """web3 on the same nodes."""
        return Web3(self.endpoints)

    def check(self) -> None:
        """Make sure that the nodes belong to this chain; raises `WrongChain`."""
        self.endpoints.check()

    def head(self) -> Block:
        """Return the latest block."""
        found: Block = self._ask("eth_getBlockByNumber", "latest", False, parse=_block_parser("latest"))
        return found

    def block(self, which: BlockId) -> Block | None:
        """Return a block by number or tag, or None when there is no such block yet."""
        if which == "latest":
            return self.head()
        found: Block | None = self._ask("eth_getBlockByNumber", _tag(which), False, parse=_block_parser(which))
        return found

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """Return several blocks; None for those that do not exist yet."""
        calls = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        return self._all(calls, [_block_parser(number) for number in numbers])

    def balance(self, account: str, block: BlockId = "latest") -> int:
        """Return the balance of an account in wei."""
        found: int = self._ask("eth_getBalance", account, _tag(block), parse=parsing.number)
        return found

    def code(self, address: str, block: BlockId = "latest") -> str:
        """Return the code at an address as hex; "0x" where there is none."""
        found: str = self._ask("eth_getCode", address, _tag(block), parse=parsing.data)
        return found

    def nonce(self, account: str, block: Literal["latest", "pending"] = "pending") -> int:
        """Return the next nonce of an account; "pending" includes transactions that wait to be mined."""
        found: int = self._ask("eth_getTransactionCount", account, block, parse=parsing.count)
        return found

    def call(
        self,
        address: str,
        function: Function,
        *args: Any,
        block: BlockId = "latest",
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

    def read(self, calls: Sequence[ContractCall], block: BlockId = "latest") -> list[Any]:
        """Return the result of every call, or the `ServiceError` of a failed one, with few requests."""
        found: list[Any] = []
        for start in range(0, len(calls), MAX_CALLS):
            part = calls[start : start + MAX_CALLS]
            has_multicall = len(part) > 1 and self.has_code(MULTICALL3)
            found += self._aggregated(part, block) if has_multicall else self._batched(part, block)
        return found

    def _aggregated(self, calls: Sequence[ContractCall], block: BlockId) -> list[Any]:
        aggregate = Abi.named("multicall3").function("aggregate3")
        wanted = [(call.address, True, call.function.encode(*call.args)) for call in calls]
        try:
            results = self.call(MULTICALL3, aggregate, wanted, block=block)
        except RequestRefused:
            # Together they need more gas than a node grants, or the block is older than Multicall3.
            return self._batched(calls, block)
        if len(results) != len(calls):
            raise parsing.unreadable("result of each call")
        return [_aggregate_result(call, one) for call, one in zip(calls, results, strict=True)]

    def _batched(self, calls: Sequence[ContractCall], block: BlockId) -> list[Any]:
        tag = _tag(block)
        asked = [("eth_call", [{"to": call.address, "data": call.function.encode(*call.args)}, tag]) for call in calls]
        found = self.endpoints.batch(asked, [parsing.data] * len(calls))
        return [_result_or_error(call, one) for call, one in zip(calls, found, strict=True)]

    def has_code(self, address: str) -> bool:
        """Say whether a contract is at an address; code is permanent, so the answer is kept."""
        if address not in self._with_code and self.code(address) != "0x":
            self._with_code.add(address)
        return address in self._with_code

    def token(self, address: str) -> TokenInfo:
        """Return the metadata that a token reports."""
        if address not in self._tokens:
            erc20 = Abi.named("erc20")
            symbol, decimals = self.read(
                [ContractCall(address, erc20.function("symbol")), ContractCall(address, erc20.function("decimals"))]
            )
            if isinstance(decimals, ServiceError):
                raise decimals
            name = printable(symbol, 32) if isinstance(symbol, str) else ""
            self._tokens[address] = TokenInfo(checksummed(address), name, decimals)
        return self._tokens[address]

    def token_balance(self, address: str, owner: str) -> int:
        """Return the balance of a token in its smallest unit."""
        return int(self.call(address, Abi.named("erc20").function("balanceOf"), owner))

    def logs(self, address: str | Sequence[str], topics: Sequence[Any], start: int, end: int) -> list[Log]:
        """Return the logs of the blocks from `start` to `end`; raises `RangeRefused` when there are too many."""
        return self.logs_and_blocks(address, topics, start, end, ())[0]

    def logs_and_blocks(
        self, address: str | Sequence[str], topics: Sequence[Any], start: int, end: int, numbers: Sequence[int]
    ) -> tuple[list[Log], list[Block | None]]:
        """Return logs, and the blocks of these numbers from the same node at the same time.

        A lagging node reports no logs for blocks that it does not have yet; here it cannot return those blocks either.
        """
        addresses = [address] if isinstance(address, str) else list(address)
        filter = {"topics": list(topics), "fromBlock": hex(start), "toBlock": hex(end)}
        if addresses:
            filter["address"] = addresses[0] if len(addresses) == 1 else addresses
        wanted = frozenset(map(checksummed, addresses))
        logs, *blocks = self._all(
            [("eth_getLogs", [filter]), *(("eth_getBlockByNumber", [hex(number), False]) for number in numbers)],
            [lambda value: parsing.logs_within(value, wanted, start, end), *map(_block_parser, numbers)],
        )
        return logs, blocks

    def simulate(self, request: CallRequest, abi: Abi | None = None) -> str:
        """Execute a transaction without sending it, and return its result as hex; raises `Reverted`."""
        return self._call(request.params(), "latest", abi)

    def estimate_gas(self, request: CallRequest, abi: Abi | None = None) -> int:
        """Return the gas limit for a transaction: the gas it needs now and a fifth more; raises `Reverted`."""
        with _explained_by(abi):
            needed: int = self._ask("eth_estimateGas", request.params(), parse=parsing.count)
        if needed > MAX_GAS:
            raise RequestRefused(f"The transaction needs {needed} gas, and the limit is {MAX_GAS}.")
        return min(needed + needed // 5, MAX_GAS)

    def fees(self) -> Fees:
        """Return the fees with which a transaction gets into one of the next blocks."""
        base, priority = self.endpoints.batch(
            [("eth_getBlockByNumber", ["pending", False]), ("eth_maxPriorityFeePerGas", [])],
            [parsing.base_fee_of, parsing.number],
        )
        if base is None or isinstance(base, ServiceError):
            base = self.head().base_fee
        tip = DEFAULT_PRIORITY if isinstance(priority, ServiceError) else max(priority, 1)
        return Fees(base_fee=base, priority=tip, max_fee=2 * base + tip)

    def l1_fee(self, raw_or_unsigned: bytes) -> int:
        """Return the fee for these bytes on L1 and a fifth more; 0 on a chain without an L1."""
        if not self.has_code(GAS_ORACLE):
            return 0
        oracle = Abi.named("gas_oracle")
        try:
            fee = self.call(GAS_ORACLE, oracle.function("getL1Fee"), raw_or_unsigned)
        except RequestRefused:
            fee = self.call(GAS_ORACLE, oracle.function("getL1FeeUpperBound"), len(raw_or_unsigned))
        return -(-int(fee) * 6 // 5)

    def send_raw(self, raw: str, *, everywhere: bool = False) -> None:
        """Send a signed transaction; one that the node has already counts as sent.

        `everywhere` sends it to every node, because a node may accept it without passing it on. Raises
        `OutcomeUnknown` when it may have arrived: look up its hash, then send the same bytes again.
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
        # Another node may lag and accept a transaction that can never be mined.
        taken = [error for error in errors if isinstance(error, NonceTaken)]
        if taken or len(errors) == len(self.endpoints.nodes):
            raise (taken or errors)[0]

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a transaction, or None while it is not mined."""
        found: Receipt | None = self._ask("eth_getTransactionReceipt", tx_hash, parse=_receipt_parser(tx_hash))
        return found

    def receipts(self, hashes: Sequence[str]) -> list[Receipt | None]:
        """Return the receipts of several transactions."""
        calls = [("eth_getTransactionReceipt", [one]) for one in hashes]
        return self._all(calls, [_receipt_parser(one) for one in hashes])

    def receipts_and_depth(self, hashes: Sequence[str], number: int) -> tuple[list[Receipt | None], Block | None, int]:
        """Return receipts, the block of this number, and the number of the latest block, all from one node.

        With two nodes, one could be on an abandoned fork while the other reports the depth.
        """
        *found, block, head = self._all(
            [
                *(("eth_getTransactionReceipt", [one]) for one in hashes),
                ("eth_getBlockByNumber", [hex(number), False]),
                ("eth_blockNumber", []),
            ],
            [*map(_receipt_parser, hashes), _block_parser(number), parsing.count],
        )
        return found, block, head

    def receipts_and_nonce(self, account: str, hashes: Sequence[str], depth: int) -> tuple[list[Receipt | None], int]:
        """Return receipts and the account's next nonce as of `depth` blocks ago, all from one node.

        If the nonce was used by then and none of the transactions is mined, none of them ever will be.
        """
        deep = max(0, self.head().number - depth)
        receipts = [("eth_getTransactionReceipt", [one]) for one in hashes]
        count = ("eth_getTransactionCount", [account, hex(deep)])
        *found, nonce = self._all(
            [*receipts, count],
            [*map(_receipt_parser, hashes), lambda value: parsing.count(value, "eth_getTransactionCount")],
        )
        return found, nonce

    def balance_changes(self, request: CallRequest, tokens: Sequence[str] = ()) -> list[BalanceChange]:
        """Return how a transaction would change the sender's balances of ETH, without the fee, and of these tokens.

        Where no node can simulate it, the changes are read from the transaction itself, and marked so.
        """
        return TxSimulation(self, request, tokens).changes()

    def _ask(self, method: str, *params: Any, parse: Parser) -> Any:
        return self.endpoints.request(method, params, parse=parse)

    def _all(self, calls: Sequence[tuple[str, list[Any]]], parsers: Sequence[Parser]) -> list[Any]:
        return self.endpoints.together(calls, parsers)

    def _call(self, request: dict[str, Any], block: str, abi: Abi | None) -> str:
        with _explained_by(abi):
            found: str = self._ask("eth_call", request, block, parse=parsing.data)
        return found


@contextmanager
def _explained_by(abi: Abi | None) -> Iterator[None]:
    """Describe a revert with the contract's own errors."""
    try:
        yield
    except Reverted as error:
        reason = abi.explain_revert(error.data) if abi else ""
        if not reason:
            raise
        raise reverted(reason, error.data) from None


def _block_parser(which: BlockId) -> Parser:
    return lambda value: parsing.block_of(value, which)


def _receipt_parser(tx_hash: str) -> Parser:
    return lambda value: parsing.receipt_of(value, tx_hash)


def _tag(block: BlockId) -> str:
    return hex(block) if isinstance(block, int) else block


def _result(function: Function, address: str, returned: str) -> Any:
    try:
        return function.decode_result(returned)
    except ValueError as error:
        why = "there is no contract at this address" if returned == "0x" else str(error)
        raise RequestRefused(f"{address} gave no usable answer to {function.signature}: {why}.") from None


def _result_or_error(call: ContractCall, returned: str | ServiceError) -> Any:
    if isinstance(returned, ServiceError):
        return returned
    try:
        return _result(call.function, call.address, returned)
    except ServiceError as error:
        return error


def _aggregate_result(call: ContractCall, answer: Mapping[str, Any]) -> Any:
    if answer["success"]:
        return _result_or_error(call, answer["returnData"])
    return reverted(explain_revert(answer["returnData"]), answer["returnData"])
