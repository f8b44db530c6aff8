"""The balance changes of a transaction: simulated by a node, or read from the transaction itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ceos.errors import RequestRefused, Reverted, ServiceError, ServiceUnavailable
from ceos.evm import parsing
from ceos.evm.abi import Abi, explain_revert
from ceos.evm.errors import reverted
from ceos.evm.types import BalanceChange, CallRequest, checksummed

if TYPE_CHECKING:
    from ceos.evm.client import EvmClient

ETH = "ETH"
#: The pseudo token under which nodes log transfers of ETH (eth_simulateV1, traceTransfers).
_ETH_LOGS = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
#: The maximum number of tokens that are checked because the simulation moves them.
_MAX_FOUND_TOKENS = 10
#: The fields that simulated logs may lack.
_LOG_DEFAULTS = {
    "blockNumber": "0x0",
    "logIndex": "0x0",
    "blockHash": "0x" + "0" * 64,
    "transactionHash": "0x" + "0" * 64,
}


class TxSimulation:
    """The simulation of one unsigned transaction."""

    def __init__(self, chain: EvmClient, request: CallRequest, tokens: Sequence[str]) -> None:
        self._chain = chain
        self._request = request
        self._sender = checksummed(request.sender)
        self._tokens = tuple(dict.fromkeys(map(checksummed, tokens)))
        erc20 = Abi.named("erc20")
        self._balance_call = erc20.function("balanceOf").encode(self._sender)
        self._transfer = erc20.function("transfer")
        self._transferred = erc20.event("Transfer")

    def changes(self) -> list[BalanceChange]:
        """Return the balances that change, ETH first; raises `Reverted`."""
        try:
            found = self._simulated()
        except Reverted:
            raise
        except (RequestRefused, ServiceUnavailable):
            found = self._read_from_call()
            return [self._change(asset, amount, is_simulated=False) for asset, amount in found.items() if amount]
        return [self._change(asset, amount, is_simulated=True) for asset, amount in found.items() if amount]

    def _simulated(self) -> dict[str, int]:
        moves = self._moves(self._simulate(())[0])
        seen = [token for token in moves if token not in (_ETH_LOGS, *self._tokens)]
        tokens = (*self._tokens, *seen[:_MAX_FOUND_TOKENS])
        eth = moves.get(_ETH_LOGS, 0)
        if self._request.value and self._request.to != self._sender and _ETH_LOGS not in moves:
            raise parsing.unreadable("simulation: it does not show the transfer of ETH")
        if not tokens:
            return {ETH: eth}
        calls = self._simulate(tokens)
        before, after = calls[: len(tokens)], calls[len(tokens) + 1 :]
        changes = {ETH: eth}
        for token, one, other in zip(tokens, before, after, strict=True):
            amounts = _amount(one), _amount(other)
            # A contract's logs can lie; only the difference of the balances counts.
            if amounts[0] is not None and amounts[1] is not None:
                changes[token] = amounts[1] - amounts[0]
        return changes

    def _simulate(self, tokens: Sequence[str]) -> list[Mapping[str, Any]]:
        """Simulate one block: the balances of the tokens, the transaction, the balances again."""
        balances = [{"from": self._sender, "to": token, "data": self._balance_call} for token in tokens]
        calls = [*balances, {**self._request.params(), "from": self._sender}, *balances]
        payload = {"blockStateCalls": [{"calls": calls}], "traceTransfers": True, "validation": False}
        found: list[Mapping[str, Any]] = self._chain.endpoints.request(
            "eth_simulateV1", [payload, "latest"], parse=lambda value: _calls_of(value, len(calls))
        )
        _raise_if_reverted(found[len(balances)])
        return found

    def _moves(self, call: Mapping[str, Any]) -> dict[str, int]:
        """Return the sender's balance changes by token according to the logs; `_ETH_LOGS` stands for ETH."""
        moved: dict[str, int] = {}
        logs = call.get("logs")
        for log in logs if isinstance(logs, list) else []:
            try:
                read = parsing.log_of({**_LOG_DEFAULTS, **log} if isinstance(log, Mapping) else log)
                args = self._transferred.decode(read)
            except ValueError:
                continue
            sign = (args["to"] == self._sender) - (args["from"] == self._sender)
            if self._sender in (args["to"], args["from"]):
                moved[read.address] = moved.get(read.address, 0) + sign * args["amount"]
        return moved

    def _read_from_call(self) -> dict[str, int]:
        """Return the transfers that the transaction itself states: its value, and that of a token's `transfer`."""
        found = {ETH: -self._request.value if self._request.to != self._sender else 0}
        try:
            args = self._transfer.decode_call(self._request.data)
        except ValueError:
            return found
        if args["to"] != self._sender:
            found[self._request.to] = -args["amount"]
        return found

    def _change(self, asset: str, amount: int, *, is_simulated: bool) -> BalanceChange:
        symbol, decimals = ("ETH", 18) if asset == ETH else self._symbol(asset)
        return BalanceChange(
            account=self._sender,
            asset=asset,
            symbol=symbol,
            decimals=decimals,
            change=amount,
            is_simulated=is_simulated,
        )

    def _symbol(self, token: str) -> tuple[str, int]:
        try:
            found = self._chain.token(token)
        except ServiceError:
            return "", 0
        return found.symbol, found.decimals


def _calls_of(answer: Any, expected: int) -> list[Mapping[str, Any]]:
    block = answer[0] if isinstance(answer, list) and answer else None
    calls = block.get("calls") if isinstance(block, Mapping) else None
    if not isinstance(calls, list) or len(calls) != expected or not all(isinstance(one, Mapping) for one in calls):
        raise parsing.unreadable("simulation")
    return calls


def _raise_if_reverted(call: Mapping[str, Any]) -> None:
    if parsing.number(call.get("status"), "status") == 1:
        return
    error = call.get("error")
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    returned = parsing.data(fields.get("data") or call.get("returnData") or "0x")
    raise reverted(explain_revert(returned) or str(fields.get("message", ""))[:300], returned)


def _amount(call: Mapping[str, Any]) -> int | None:
    """Return the balance that a token reported, or None if it reported none."""
    returned = parsing.data(call.get("returnData"), "balance")
    if parsing.number(call.get("status"), "status") != 1 or len(returned) < 66:
        return None
    return int(returned[:66], 16)
