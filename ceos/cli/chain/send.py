"""`ceos chain send`: sends one transaction through the same path as all others."""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING

import click

from ceos.chain.tx.store import tx_id
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.cli.chain.call import function_of
from ceos.cli.chain.show import preview_document, print_preview
from ceos.cli.chain.signing import SigningOptions, signing_options
from ceos.cli.output import command_runtime, say_line, show_json
from ceos.errors import NotFound
from ceos.evm.amounts import ether
from ceos.evm.values import typed, units

if TYPE_CHECKING:
    from ceos.chain.tx.sender import TxSender

#: End states other than success.
_FAILED = (TxStatus.REVERTED, TxStatus.FAILED, TxStatus.REJECTED, TxStatus.EXPIRED)


@click.command()
@click.argument("contract")
@click.argument("function", required=False)
@click.argument("args", nargs=-1)
@click.option("--value", default="0", metavar="ETH", help="The ETH to send with it, such as 0.01.")
@click.option("--agent", "agent_id", default="", help="The agent that sends it from its own account.")
@click.option("--key", help="The same key never sends a second transaction.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@signing_options
def send(
    *,
    contract: str,
    function: str | None,
    args: tuple[str, ...],
    value: str,
    agent_id: str,
    key: str | None,
    yes: bool,
    options: SigningOptions,
) -> None:
    """Send a transaction: ETH to an address, or a call of a contract's function, as in 'ceos chain call'.

    It is checked against the policy in your chain.toml and simulated, and you are asked for confirmation. If the policy
    requires approval, it waits for 'ceos draft approve'.
    """
    runtime = command_runtime()
    chain = runtime.chain
    if agent_id:
        runtime.agents.agent(agent_id)
    found = chain.contracts.find(contract)
    data = "0x"
    if function is not None:
        wanted = function_of(found, function)
        data = wanted.encode(*typed(wanted, args))
    request = TxRequest(
        chain_id=chain.client.chain_id, to=found.address, data=data, value=units(value, 18), agent=agent_id
    )
    known = _known(chain.sender, request.chain_id, key)
    if known is None or options.dry_run:
        preview = chain.sender.preview(request)
        if options.dry_run:
            return show_json(preview_document(preview)) if options.as_json else print_preview(chain, preview)
        if not yes:
            _ask_for(options.as_json)
            print_preview(chain, preview)
            click.confirm("Send it?", abort=True)
    tx = chain.sender.submit(request, key=key or f"cli:{uuid.uuid4().hex}")
    tx = chain.sender.wait(tx.id, options.seconds)
    return _report(tx, as_json=options.as_json)


def _known(sender: TxSender, chain_id: int, key: str | None) -> Tx | None:
    """Return the transaction with a key, unless submitting it again would be a new attempt."""
    if key is None:
        return None
    try:
        tx = sender.tx(tx_id(chain_id, key))
    except NotFound:
        return None
    return tx if tx.status is TxStatus.FINAL or not tx.status.is_over else None


def _ask_for(as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for confirmation; check it with --dry-run, then use --yes.")


def _report(tx: Tx, *, as_json: bool) -> None:
    if as_json:
        show_json(tx.model_dump(mode="json"))
    else:
        say_line(f"{tx.id} {tx.status}" + (f": {tx.reason}" if tx.reason else ""))
        say_line(_next(tx))
    if tx.status in _FAILED:
        sys.exit(1)


def _next(tx: Tx) -> str:
    """Return a sentence about the result or the next step."""
    if tx.status is TxStatus.REVIEW:
        return f"'ceos draft show {tx.id}' shows its changes; 'ceos draft approve {tx.id}' sends it."
    if tx.hash:
        cost = f", it cost {ether(tx.cost_wei)} ETH" if tx.cost_wei is not None else ""
        return f"{tx.hash} in block {tx.block}{cost}."
    if tx.status in _FAILED:
        return "Nothing further happens to it."
    return f"It continues while workers run; 'ceos draft show {tx.id}' shows its state."
