"""Prints transactions before and after they are signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ceos.chain.tx.types import Tx, TxRequest
from ceos.cli.output import say_line, show_table, when
from ceos.evm.amounts import ether, whole
from ceos.evm.types import BalanceChange
from ceos.evm.values import as_json

if TYPE_CHECKING:
    from ceos.chain.tx.quoting import Preview
    from ceos.chain.wiring import Chain

#: The maximum number of characters of a call's data that are shown.
MAX_DATA_CHARS = 74


def print_preview(chain: Chain, preview: Preview) -> None:
    """Print what would be signed and the simulated balance changes."""
    request, quote = preview.request, preview.quote
    _fields(
        {
            "chain": request.chain_id,
            "from": f"{preview.account}{_agent(request)}, {ether(preview.balance)} ETH",
            "to": request.to,
            "call": _call(chain, request),
            "value": f"{ether(request.value)} ETH" if request.value else "",
            "allowed by": preview.verdict.allows,
            "approval": f"needed: {preview.verdict.approval}" if preview.verdict.approval else "not needed",
            "gas": f"{quote.gas:,} at {_gwei(quote.fees.max_fee)} gwei at most, {_gwei(quote.fees.base_fee)} now",
            "L1 fee": f"{ether(quote.l1_fee)} ETH",
            "may cost": f"{ether(request.value + quote.max_fee_wei)} ETH in all",
        }
    )
    print_changes(chain, preview.changes)


def print_changes(chain: Chain, changes: Sequence[BalanceChange]) -> None:
    """Print balance changes."""
    is_simulated = all(change.is_simulated for change in changes)
    title = "Simulated changes:" if is_simulated else "Changes as stated in the transaction, not simulated:"
    rows = [(change.account, f"{_signed(change)} {change.symbol}", _asset(chain, change)) for change in changes]
    show_table(["account", "change", "asset"], rows, title=title, empty="It changes no balance besides the fees.")


def print_tx(chain: Chain, tx: Tx) -> None:
    """Print all details of a transaction."""
    request = tx.request
    say_line(f"{tx.id}  {tx.status}" + (f": {tx.reason}" if tx.reason else ""))
    _fields(
        {
            "opened": f"{when(tx.created_at)} UTC",
            "key": tx.key,
            "purpose": request.purpose,
            "chain": request.chain_id,
            "from": f"{tx.account}{_agent(request)}",
            "to": request.to,
            "call": _call(chain, request),
            "value": f"{ether(request.value)} ETH" if request.value else "",
            "nonce": "" if tx.nonce is None else tx.nonce,
            "signed": ", ".join(tx.hashes),
            "mined": f"{tx.hash} in block {tx.block}" if tx.hash else "",
            "cost": f"{ether(tx.cost_wei)} ETH" if tx.cost_wei is not None else "",
            "may cost": f"{ether(tx.max_cost_wei)} ETH" if tx.max_cost_wei is not None and tx.cost_wei is None else "",
        }
    )


def print_txs(chain: Chain, txs: Iterable[Tx], *, empty: str = "", title: str | None = None) -> None:
    """Print transactions as a table."""
    rows = [
        (
            tx.id,
            tx.status,
            tx.request.agent,
            _name(chain, tx.request.to),
            ether(tx.request.value) if tx.request.value else "",
            tx.reason or tx.request.purpose,
        )
        for tx in txs
    ]
    columns = ["draft", "status", "agent", "to", "ETH", "reason or purpose"]
    show_table(columns, rows, empty=empty, title=title)


def preview_document(preview: Preview) -> dict[str, Any]:
    """Return a preview as JSON."""
    quote = preview.quote
    max_cost = as_json(preview.request.value + quote.max_fee_wei)
    return {
        "request": preview.request.model_dump(mode="json"),
        "account": preview.account,
        "balance_wei": as_json(preview.balance),
        "allowed_by": preview.verdict.allows,
        "approval": preview.verdict.approval,
        "gas": quote.gas,
        "max_fee_per_gas": as_json(quote.fees.max_fee),
        "base_fee": as_json(quote.fees.base_fee),
        "l1_fee_wei": as_json(quote.l1_fee),
        "max_cost_wei": max_cost,
        # The former name of `max_cost_wei`; it goes with the next release.
        "worst_wei": max_cost,
        "returned": quote.returned,
        "changes": [as_json(change.model_dump(mode="json")) for change in preview.changes],
    }


def _fields(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if value != "":
            say_line(f"{name + ':':<12}{value}")


def _call(chain: Chain, request: TxRequest) -> str:
    """Return a call with its decoded arguments if the contract is known, or its data."""
    if request.data == "0x":
        return ""
    abi = chain.contracts.find(request.to).abi
    for function in abi.functions.values() if abi else ():
        if request.data.startswith("0x" + function.selector.hex()):
            try:
                arguments = function.decode_call(request.data)
            except ValueError:
                break
            return f"{function.name}({', '.join(f'{name}={value}' for name, value in arguments.items())})"
    return request.data if len(request.data) <= MAX_DATA_CHARS else f"{request.data[:MAX_DATA_CHARS]}…"


def _name(chain: Chain, address: str) -> str:
    """Return the operator's name for an address, or its two ends, because a table has no room for whole ones."""
    name = chain.contracts.find(address).name
    return name if name != address else f"{address[:6]}…{address[-4:]}"


def _agent(request: TxRequest) -> str:
    return f" (agent {request.agent})" if request.agent else ""


def _asset(chain: Chain, change: BalanceChange) -> str:
    """Return the operator's name for a token; its own symbol is untrusted."""
    return "" if change.asset == "ETH" else chain.contracts.find(change.asset).name


def _signed(change: BalanceChange) -> str:
    amount = whole(change.change, change.decimals)
    return amount if change.change < 0 else f"+{amount}"


def _gwei(wei: int) -> str:
    return whole(wei, 9)
