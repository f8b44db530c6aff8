"""The checks of `ceos doctor` for the chain: `chain.toml`, nodes, account, subscriptions and offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ceos.chain.config.checks import warnings
from ceos.cli.doctor.findings import Examination, Finding, Status
from ceos.cli.output import number
from ceos.errors import InvalidInput, KeyRefused, ServiceError, WrongChain
from ceos.evm.amounts import ether
from ceos.settings import Settings

if TYPE_CHECKING:
    from ceos.chain.wiring import Chain

#: A lower balance pays for only a few more transactions, in wei: 0.0001 ETH.
MIN_BALANCE = 10**14
#: Variables that show that the chain is used.
_CHAIN_VARIABLES = ("base_private_key", "base_keystore", "base_seed_phrase", "base_rpc_url")


def chain(examination: Examination) -> Iterator[Finding]:
    """Check everything about the chain if it is used."""
    settings = examination.settings
    if not settings.has_chain_file() and not any(_is_set(settings, name) for name in _CHAIN_VARIABLES):
        yield Finding("chain", Status.OK, "Base is not used.")
        return
    wired = examination.runtime.chain
    sound = True
    for finding in _file(wired):
        sound = sound and finding.status is not Status.FAILED
        yield finding
    nodes = list(_nodes(wired))
    yield from nodes
    if any(finding.status is Status.OK for finding in nodes):
        yield from _account(wired)
    if sound and examination.agents is not None:
        yield from _followed(wired)
        yield from _sold(wired)


def _is_set(settings: Settings, name: str) -> bool:
    return bool(getattr(settings, name) != Settings.model_fields[name].default)


def _file(chain: Chain) -> Iterator[Finding]:
    path = chain.settings.chain_file_path()
    if not chain.is_used:
        yield Finding("chain file", Status.INFO, f"There is no {path}, so nothing is signed or followed.")
        return
    try:
        config = chain.config
    except InvalidInput as error:
        for line in str(error).splitlines():
            yield Finding("chain file", Status.FAILED, line, f"Correct {path}.")
        return
    rules = number(len(config.policy.allow), "rule")
    followed = number(len(config.subscription), "subscription")
    yield Finding("chain file", Status.OK, f"{path} is valid: {rules} of the policy, {followed}.")
    for warning in warnings(config):
        yield Finding("policy", Status.WARNING, warning, "Make sure that this is intended.")
    if config.x402.offer and not chain.settings.public_url:
        found = "There are offers in [[x402.offer]], and CEOS_PUBLIC_URL is not set, so buyers cannot find them."
        yield Finding("shop", Status.WARNING, found, "Set it to the address at which others reach 'ceos web'.")


def _nodes(chain: Chain) -> Iterator[Finding]:
    try:
        chain.client.check()
    except WrongChain as error:
        fix = "Correct BASE_RPC_URL, or BASE_CHAIN_ID if the chain is another one."
        yield Finding("nodes", Status.FAILED, str(error), fix)
        return
    except ServiceError:
        # The health of each node is reported below.
        pass
    health = chain.client.endpoints.health()
    for node in health:
        if not node.is_healthy:
            status = Status.WARNING if any(other.is_healthy for other in health) else Status.FAILED
            yield Finding("nodes", status, f"{node.label}: {node.why}", "Check the network and BASE_RPC_URL.")
    if healthy := [node for node in health if node.is_healthy]:
        labels = ", ".join(f"{node.label} ({node.latency_ms or 0:.0f} ms)" for node in healthy)
        found = f"Chain {chain.client.chain_id}, block {max(node.head or 0 for node in healthy)}: {labels}."
        yield Finding("nodes", Status.OK, found)


def _account(chain: Chain) -> Iterator[Finding]:
    try:
        account = chain.wallets.address()
    except KeyRefused as error:
        yield Finding("account", Status.INFO, f"{error}.")
        return
    try:
        balance = chain.client.balance(account)
    except ServiceError as error:
        yield Finding("account", Status.WARNING, f"The balance of {account} could not be read: {error}")
        return
    found = f"{account} ({chain.wallets.source}) has {ether(balance)} ETH."
    if balance < MIN_BALANCE:
        yield Finding("account", Status.WARNING, found, "Send it some ETH on Base: every transaction costs gas.")
    else:
        yield Finding("account", Status.OK, found)


def _sold(chain: Chain) -> Iterator[Finding]:
    """Report the offers that cannot be sold."""
    if not chain.config.x402.offer:
        return
    problems = chain.seller.problems()
    for problem in problems:
        yield Finding("shop", Status.WARNING, problem, "Until it is fixed, buyers are refused.")
    if not problems:
        yield Finding("shop", Status.OK, f"{number(len(chain.seller.offers), 'skill')} on offer.")


def _followed(chain: Chain) -> Iterator[Finding]:
    """Report the subscriptions that do not keep up."""
    states = chain.follower.state()
    for state in states:
        if state.reason:
            yield Finding(f"events {state.name}", Status.WARNING, state.reason, "It is retried automatically.")
    if states and not any(state.reason for state in states):
        yield Finding("events", Status.OK, f"{number(len(states), 'subscription')} followed.")
