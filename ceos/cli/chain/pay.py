"""`ceos chain buy` and `ceos chain purchases`: purchases over HTTP (x402)."""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ceos.chain.x402.store import PurchaseStatus
from ceos.cli.output import command_runtime, json_option, say, say_line, show_json, show_table

if TYPE_CHECKING:
    from ceos.chain.x402.purchase import Purchase


def _usd(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    del ctx, param
    try:
        amount = None if value is None else Decimal(value)
    except InvalidOperation:
        amount = Decimal(-1)
    if amount is not None and not (amount.is_finite() and amount >= 0):
        raise click.BadParameter(f"{value!r} is not an amount in USD, such as 0.05.")
    return amount


@click.command()
@click.argument("url")
@click.option("--agent", "agent_id", default="", help="The agent that pays from its own account.")
@click.option("--key", help="The same key is the same purchase and is paid only once.")
@click.option(
    "--max-usd", metavar="USD", callback=_usd, help="The maximum price, in addition to the limits in chain.toml."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file for the delivered body.")
@click.option("--dry-run", is_flag=True, help="Only show the price and what would be signed; exit code 1 if refused.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def buy(
    *,
    url: str,
    agent_id: str,
    key: str | None,
    max_usd: Decimal | None,
    output: Path | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Fetch an https address and pay for it in USDC if it asks for payment (x402), within [x402] in chain.toml.

    \b
    ceos chain buy https://api.example.com/weather --dry-run
    ceos chain buy https://api.example.com/weather --max-usd 0.01 --yes

    A purchase signs only one payment, whatever the seller answers. After a lost answer, the same --key requests it
    again without paying again.
    """
    runtime = command_runtime()
    if agent_id:
        runtime.agents.agent(agent_id)
    purchases = runtime.chain.buyer
    name = key or f"cli:{uuid.uuid4().hex[:12]}"
    found = purchases.buy(url, agent=agent_id, key=name, max_usd=max_usd, dry_run=True)
    if not dry_run and found.status is not PurchaseStatus.FREE:
        if not yes and found.status is PurchaseStatus.PLANNED:
            if as_json or not sys.stdin.isatty():
                raise click.UsageError(
                    "There is no terminal to ask for confirmation; use --yes to pay, or --dry-run to check."
                )
            say_line(_offer(found), err=True)
            click.confirm("Pay?", abort=True, err=True)
        # Printed before the payment: after a crash, the key retrieves what was paid for.
        say_line(f"The key of this purchase is {name}.", err=True)
        # The price and the recipient shown are the limits: a risen price or another recipient is refused.
        most = found.usd if found.usd else max_usd
        found = purchases.buy(url, agent=agent_id, key=name, max_usd=most, pay_to=found.pay_to)
    _report(found, output, as_json=as_json)
    if not dry_run and not found.is_delivered:
        sys.exit(1)


@click.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500), help="How many.")
@json_option
def purchases(limit: int, *, as_json: bool) -> None:
    """List purchases, newest first, and the spending of today."""
    bought = command_runtime().chain.buyer
    found = bought.recent(limit)
    if as_json:
        show_json([_document(purchase) for purchase in found])
        return
    rows = [
        (purchase.id, str(purchase.status), f"{purchase.usd:f}", purchase.agent or "-", purchase.url, purchase.reason)
        for purchase in found
    ]
    show_table(("id", "status", "usd", "agent", "address", "why"), rows, empty="No purchases yet.")
    if rows:
        click.echo(f"Spent or reserved today (UTC): {bought.spent_today():f} USD.")


def _report(purchase: Purchase, output: Path | None, *, as_json: bool) -> None:
    if output and purchase.is_delivered:
        output.write_bytes(purchase.body)
    if as_json:
        show_json(_document(purchase))
        return
    if purchase.status is PurchaseStatus.PLANNED:
        say_line(_offer(purchase))
        return
    if purchase.is_delivered:
        paid = f"Paid {purchase.usd:f} USD." if purchase.paid_usd else "It was free."
        say_line(f"{paid} {purchase.reason}".strip(), err=True)
        if not output:
            say(purchase.body.decode("utf-8", "replace"))
        return
    say_line(f"{purchase.id} is {purchase.status}: {purchase.reason or 'no answer came'}.", err=True)
    if purchase.status is not PurchaseStatus.EXPIRED:
        say_line(f"Repeating it with --key {purchase.key} sends the same payment; it is never paid twice.", err=True)


def _offer(purchase: Purchase) -> str:
    until = dt.datetime.fromtimestamp(purchase.valid_before, dt.UTC)
    return (
        f"Would sign one payment of {purchase.usd:f} USDC from {purchase.account} to {purchase.pay_to} for "
        f"{purchase.url}, good until {until:%H:%M:%S} UTC."
    )


def _document(purchase: Purchase) -> dict[str, Any]:
    body: Any = {}
    if purchase.is_delivered:
        body = {"body": purchase.body.decode("utf-8", "replace"), "content_type": purchase.content_type}
    return {
        "id": purchase.id,
        "key": purchase.key,
        "status": str(purchase.status),
        "url": purchase.url,
        "agent": purchase.agent,
        "usd": f"{purchase.usd:f}",
        "paid_usd": f"{purchase.paid_usd:f}",
        "account": purchase.account,
        "pay_to": purchase.pay_to,
        "valid_before": purchase.valid_before,
        "tx": purchase.tx,
        "reason": purchase.reason,
        **body,
    }
