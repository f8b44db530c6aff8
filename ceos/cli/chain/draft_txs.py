"""Transactions in `ceos draft …`: those that the policy sends to review.

The chain modules are loaded only when there is such a transaction, so that commands about posts stay fast.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ceos.cli.output import say_line, show_json
from ceos.errors import CeosError
from ceos.runtime import Runtime

if TYPE_CHECKING:
    from ceos.chain.tx.types import Tx

#: The longest wait for an approved transaction, in seconds.
WAIT_SECONDS = 60.0


def show_waiting_txs(runtime: Runtime, txs: Sequence[Tx]) -> None:
    """Print the transactions in review, if there are any."""
    if txs:
        from ceos.cli.chain.show import print_txs  # noqa: PLC0415  # the chain is heavy

        print_txs(runtime.chain, txs, title="Transactions that wait for approval")


def tx_document(runtime: Runtime, tx_id: str, *, quiet: bool) -> dict[str, Any]:
    """Return a transaction as JSON, in review with its balance changes; print it unless `quiet`."""
    from ceos.cli.chain.show import preview_document, print_changes, print_tx  # noqa: PLC0415

    chain = runtime.chain
    tx = chain.sender.tx(tx_id)
    document: dict[str, Any] = tx.model_dump(mode="json")
    if not quiet:
        print_tx(chain, tx)
    if tx.status == "review":
        try:
            preview = chain.sender.preview(tx.request)
            document["preview"] = preview_document(preview)
            if not quiet:
                print_changes(chain, preview.changes)
        except CeosError as error:
            document["preview"] = {"refused": str(error)}
            if not quiet:
                say_line(f"At present it would be refused: {error}")
    if not quiet:
        click.echo()
    return document


def approve_txs(runtime: Runtime, tx_ids: Sequence[str], *, yes: bool, as_json: bool) -> None:
    """Show each transaction, ask for confirmation, and send it."""
    from ceos.cli.chain.show import print_preview, print_tx  # noqa: PLC0415

    if not yes and (as_json or not sys.stdin.isatty()):
        raise click.UsageError(
            "There is no terminal to ask for confirmation; check it with 'ceos draft show', then use --yes."
        )
    chain = runtime.chain
    done = []
    # An unknown or settled id is reported before anything is sent.
    for tx in [chain.sender.in_review(tx_id) for tx_id in tx_ids]:
        preview = chain.sender.preview(tx.request)
        if not as_json:
            # The purpose is untrusted text: say_line escapes it.
            say_line(f"{tx.id}  {tx.request.purpose}".rstrip())
            print_preview(chain, preview)
        if not yes:
            click.confirm("Send it?", abort=True)
        chain.sender.approve(tx.id, preview)
        done.append(chain.sender.wait(tx.id, WAIT_SECONDS))
        if not as_json:
            print_tx(chain, done[-1])
    if as_json:
        show_json([tx.model_dump(mode="json") for tx in done])


def reject_txs(runtime: Runtime, tx_ids: Sequence[str], reason: str, *, as_json: bool) -> None:
    """End transactions in review, and cancel stuck ones."""
    sender = runtime.chain.sender
    for tx_id in tx_ids:
        sender.tx(tx_id)
    done = [sender.reject(tx_id, reason) for tx_id in tx_ids]
    if as_json:
        show_json([tx.model_dump(mode="json") for tx in done])
    for tx in () if as_json else done:
        say_line(f"{tx.id} {tx.status}" + (f": {tx.reason}" if tx.reason else ""))
