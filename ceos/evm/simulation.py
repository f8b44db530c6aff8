"""How a transaction would change what its sender has: asked of a node that can simulate, or read from the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ceos.chain.tx.types import TxRequest
from ceos.errors import RequestRefused, Reverted, ServiceError, ServiceUnavailable
from ceos.evm import parsing as answers
from ceos.evm.abi import Abi, explain_revert
from ceos.evm.errors import reverted
from ceos.evm.types import BalanceChange, checksummed

if TYPE_CHECKING:
    from ceos.evm.client import BaseChain

ETH = "ETH"
#: Where nodes that simulate say that ETH moved, as if it were a token (eth_simulateV1, traceTransfers).
_ETH_LOGS = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
#: Tokens that turn up in the simulation itself and are looked at besides those that were named.
_FOUND_TOKENS = 10
#: What the logs of a simulation lack.
_NOWHERE = {"blockNumber": "0x0", "logIndex": "0x0", "blockHash": "0x" + "0" * 64, "transactionHash": "0x" + "0" * 64}


class Simulation:
    """One transaction, tried out before it is signed."""

    def __init__(self, chain: BaseChain, request: TxRequest, sender: str, tokens: Sequence[str]) -> None:
        self._chain = chain
        self._request = request
        self._sender = checksummed(sender)
        self._tokens = tuple(dict.fromkeys(map(checksummed, tokens)))
        erc20 = Abi.named("erc20")
        self._ask_balance = erc20.function("balanceOf").encode(self._sender)
        self._transfer = erc20.function("transfer")
        self._transferred = erc20.event("Transfer")

    def changes(self) -> list[BalanceChange]:
        """Return what changes, ETH first; what stays the same is left out. Raises `Reverted`."""
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
        tokens = (*self._tokens, *seen[:_FOUND_TOKENS])
        eth = moves.get(_ETH_LOGS, 0)
        if self._request.value and self._request.to != self._sender and _ETH_LOGS not in moves:
            raise answers.unreadable("simulation: it does not show that ETH moves")
        if not tokens:
            return {ETH: eth}
        calls = self._simulate(tokens)
        before, after = calls[: len(tokens)], calls[len(tokens) + 1 :]
        changes = {ETH: eth}
        for token, one, other in zip(tokens, before, after, strict=True):
            amounts = _amount(one), _amount(other)
            # What a contract says in its logs is worth nothing beside the balance it tells.
            if amounts[0] is not None and amounts[1] is not None:
                changes[token] = amounts[1] - amounts[0]
        return changes

    def _simulate(self, tokens: Sequence[str]) -> list[Mapping[str, Any]]:
        """Have one block simulated: what the tokens say of the sender, the transaction, what they say then."""
        asks = [{"from": self._sender, "to": token, "data": self._ask_balance} for token in tokens]
        value = hex(self._request.value)
        sent = {"from": self._sender, "to": self._request.to, "data": self._request.data, "value": value}
        calls = [*asks, sent, *asks]
        asked = {"blockStateCalls": [{"calls": calls}], "traceTransfers": True, "validation": False}
        found: list[Mapping[str, Any]] = self._chain.endpoints.request(
            "eth_simulateV1", [asked, "latest"], read=lambda value: _calls_of(value, len(calls))
        )
        _raise_if_refused(found[len(asks)])
        return found

    def _moves(self, call: Mapping[str, Any]) -> dict[str, int]:
        """Return what the logs of the transaction say of the sender by token; ETH is one that does not exist."""
        moved: dict[str, int] = {}
        logs = call.get("logs")
        for log in logs if isinstance(logs, list) else []:
            try:
                read = answers.log_of({**_NOWHERE, **log} if isinstance(log, Mapping) else log)
                args = self._transferred.decode(read)
            except ValueError:
                continue
            sign = (args["to"] == self._sender) - (args["from"] == self._sender)
            if self._sender in (args["to"], args["from"]):
                moved[read.address] = moved.get(read.address, 0) + sign * args["amount"]
        return moved

    def _read_from_call(self) -> dict[str, int]:
        """Return what the transaction itself says it moves: its value, and a token if it is that token's transfer."""
        found = {ETH: -self._request.value if self._request.to != self._sender else 0}
        try:
            args = self._transfer.decode_call(self._request.data)
        except ValueError:
            return found
        if args["to"] != self._sender:
            found[self._request.to] = -args["amount"]
        return found

    def _change(self, asset: str, amount: int, *, is_simulated: bool) -> BalanceChange:
        symbol, decimals = ("ETH", 18) if asset == ETH else self._named(asset)
        return BalanceChange(
            account=self._sender,
            asset=asset,
            symbol=symbol,
            decimals=decimals,
            change=amount,
            is_simulated=is_simulated,
        )

    def _named(self, token: str) -> tuple[str, int]:
        try:
            found = self._chain.token(token)
        except ServiceError:
            return "", 0
        return found.symbol, found.decimals


def _calls_of(answer: Any, expected: int) -> list[Mapping[str, Any]]:
    block = answer[0] if isinstance(answer, list) and answer else None
    calls = block.get("calls") if isinstance(block, Mapping) else None
    if not isinstance(calls, list) or len(calls) != expected or not all(isinstance(one, Mapping) for one in calls):
        raise answers.unreadable("simulation")
    return calls


def _raise_if_refused(call: Mapping[str, Any]) -> None:
    if answers.number(call.get("status"), "status") == 1:
        return
    error = call.get("error")
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    returned = answers.data(fields.get("data") or call.get("returnData") or "0x")
    raise reverted(explain_revert(returned) or str(fields.get("message", ""))[:300], returned)


def _amount(call: Mapping[str, Any]) -> int | None:
    """Return the balance that a token told, or None for what tells none."""
    returned = answers.data(call.get("returnData"), "balance")
    if answers.number(call.get("status"), "status") != 1 or len(returned) < 66:
        return None
    return int(returned[:66], 16)
