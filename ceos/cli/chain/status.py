"""`ceos chain status`: how things stand."""

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
#: How many transactions that are over are shown.
ENDED = 5


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show nodes, accounts, balances, the latest transactions and what is followed.

    A node that fails and a key that is missing are shown, and hide nothing else.
    """
    runtime = command_runtime()
    chain = runtime.chain
    nodes = chain.client.endpoints.health()
    accounts = _accounts(runtime)
    transactions = chain.sender.open_txs()
    ended = [tx for tx in chain.sender.recent() if tx.status.is_over][:ENDED]
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
    print_txs(chain, transactions, title="\nOpen transactions:", empty="\nNo transaction is open.")
    if ended:
        print_txs(chain, ended, title="\nThe last that ended:")
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
    show_table(["node", "health", "block", "ms"], rows, title=f"Chain {chain_id}:", empty="There is no node.")


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
    """Return every account that a key here signs for, with those it belongs to."""
    owners: dict[str, list[str]] = {}
    try:
        for agent in ("", *runtime.agents.agent_ids()):
            owners.setdefault(runtime.chain.wallets.address(agent), []).append(agent or "the operator")
    except KeyRefused as error:
        return [_account("", [], problem=str(error))]
    return [_looked_up(runtime.chain, account, names) for account, names in owners.items()]


def _looked_up(chain: Chain, account: str, owners: list[str]) -> dict[str, Any]:
    try:
        return _account(account, owners, chain.client.balance(account), chain.client.nonce(account, "latest"))
    except CeosError as error:
        return _account(account, owners, problem=str(error))


def _account(
    account: str, owners: list[str], balance: int | None = None, nonce: int | None = None, *, problem: str = ""
) -> dict[str, Any]:
    told = {"account": account, "owners": owners, "balance_wei": balance, "transactions": nonce}
    return {**told, "problem": problem}


def _registered(chain: Chain) -> list[Registration]:
    try:
        return chain.identity.registrations()
    except NotFound:
        # There is no registry that we know of on this chain.
        return []
