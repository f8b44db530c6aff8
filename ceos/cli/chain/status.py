"""`ceos chain status`: nodes, accounts, transactions, subscriptions and registrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ceos.cli.chain.events import print_states, states_document
from ceos.cli.chain.show import print_txs
from ceos.cli.output import command_runtime, json_option, show_json, show_table
from ceos.errors import CeosError, KeyRefused, NotFound
from ceos.evm.amounts import ether
from ceos.evm.values import as_json as plain

if TYPE_CHECKING:
    from ceos.chain.erc8004.store import Registration
    from ceos.chain.wiring import Chain
    from ceos.evm.endpoints import EndpointHealth
    from ceos.runtime import Runtime

#: Balances are shown in whole gwei, so that an address and its balance fit on one line.
GWEI = 10**9
#: The number of ended transactions that are shown.
MAX_ENDED = 5


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show nodes, accounts, balances, the latest transactions and subscriptions.

    A failing node or a missing key is shown as such and does not hide the rest.
    """
    runtime = command_runtime()
    chain = runtime.chain
    nodes = chain.client.endpoints.health()
    accounts = _accounts(runtime)
    transactions = chain.sender.open_txs()
    ended = [tx for tx in chain.sender.recent() if tx.status.is_over][:MAX_ENDED]
    states, registered = chain.follower.state(), _registered(chain)
    if as_json:
        return show_json(
            {
                "chain_id": chain.client.chain_id,
                "nodes": [_node_document(node) for node in nodes],
                "accounts": plain(accounts),
                "transactions": [tx.model_dump(mode="json") for tx in transactions],
                "ended": [tx.model_dump(mode="json") for tx in ended],
                "subscriptions": states_document(states),
                "registered": [one.model_dump(mode="json") for one in registered],
            }
        )
    _print_nodes(chain.client.chain_id, nodes)
    _print_accounts(accounts)
    print_txs(chain, transactions, title="\nOpen transactions:", empty="\nNo open transactions.")
    if ended:
        print_txs(chain, ended, title="\nLatest ended transactions:")
    click.echo()
    print_states(states)
    if registered:
        rows = [(one.agent, one.token_id, one.registry_name) for one in registered]
        show_table(["agent", "agent id", "registry"], rows, title="\nRegistered agents:", empty="")
    return None


def _node_document(node: EndpointHealth) -> dict[str, Any]:
    # `is_well` is the former name of `is_healthy`; it goes with the next release.
    return {**vars(node), "is_well": node.is_healthy}


def _print_nodes(chain_id: int, nodes: Sequence[EndpointHealth]) -> None:
    rows = [
        (node.label, "healthy" if node.is_healthy else node.why, node.head, node.latency_ms and round(node.latency_ms))
        for node in nodes
    ]
    show_table(["node", "health", "block", "ms"], rows, title=f"Chain {chain_id}:", empty="No nodes.")


def _print_accounts(accounts: Sequence[dict[str, Any]]) -> None:
    if problem := accounts[0]["problem"] if accounts and not accounts[0]["account"] else "":
        click.echo(f"\nNo account: {problem}.")
        return
    rows = [
        (
            one["account"],
            ", ".join(one["owners"]),
            one["problem"] or f"{ether(one['balance_wei'] // GWEI * GWEI)} ETH",
            one["transactions"],
        )
        for one in accounts
    ]
    show_table(["account", "of", "balance", "sent"], rows, title="\nAccounts:", empty="")


def _accounts(runtime: Runtime) -> list[dict[str, Any]]:
    """Return every account of the configured keys with its owners."""
    owners: dict[str, list[str]] = {}
    try:
        for agent in ("", *runtime.agents.agent_ids()):
            owners.setdefault(runtime.chain.wallets.address(agent), []).append(agent or "the operator")
    except KeyRefused as error:
        return [_account("", [], problem=str(error))]
    return [_with_balance(runtime.chain, account, names) for account, names in owners.items()]


def _with_balance(chain: Chain, account: str, owners: list[str]) -> dict[str, Any]:
    try:
        return _account(account, owners, chain.client.balance(account), chain.client.nonce(account, "latest"))
    except CeosError as error:
        return _account(account, owners, problem=str(error))


def _account(
    account: str, owners: list[str], balance: int | None = None, nonce: int | None = None, *, problem: str = ""
) -> dict[str, Any]:
    document = {"account": account, "owners": owners, "balance_wei": balance, "transactions": nonce}
    return {**document, "problem": problem}


def _registered(chain: Chain) -> list[Registration]:
    try:
        return chain.identity.registrations()
    except NotFound:
        # This chain has no known registry.
        return []
