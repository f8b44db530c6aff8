"""The checks of `ceos doctor` that concern the chain: what the operator wrote, nodes, account, and what is followed."""

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

#: An account with less pays for few transactions more, in wei: 0.0001 ETH.
LOW_WEI = 10**14
#: Variables that say that somebody wants to use the chain.
_WISHES = ("base_private_key", "base_keystore", "base_seed_phrase", "base_rpc_url")


def chain(examination: Examination) -> Iterator[Finding]:
    """Look at everything on chain, unless nobody wants anything there."""
    settings = examination.settings
    if not settings.has_chain_file() and not any(_is_set(settings, name) for name in _WISHES):
        yield Finding("chain", Status.OK, "Nothing is set up on Base.")
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
        yield Finding("chain file", Status.INFO, f"There is no {path}, so nothing is signed and nothing followed.")
        return
    try:
        config = chain.config
    except InvalidInput as error:
        for line in str(error).splitlines():
            yield Finding("chain file", Status.FAILED, line, f"Correct {path}.")
        return
    rules = number(len(config.policy.allow), "rule")
    followed = number(len(config.subscription), "subscription")
    yield Finding("chain file", Status.OK, f"{path} is valid: {rules} of what may be signed, {followed}.")
    for warning in warnings(config):
        yield Finding("policy", Status.WARNING, warning, "Make sure that this is what you want.")
    if config.x402.offer and not chain.settings.public_url:
        found = "There are offers in [[x402.offer]], and CEOS_PUBLIC_URL does not say where buyers find them."
        yield Finding("shop", Status.WARNING, found, "Set it to the address at which others reach 'ceos web'.")


def _nodes(chain: Chain) -> Iterator[Finding]:
    try:
        chain.client.check()
    except WrongChain as error:
        mend = "Correct BASE_RPC_URL, or BASE_CHAIN_ID if the chain is another one."
        yield Finding("nodes", Status.FAILED, str(error), mend)
        return
    except ServiceError:
        # Each node says below what is wrong with it.
        pass
    health = chain.client.endpoints.health()
    for node in health:
        if not node.is_healthy:
            status = Status.WARNING if any(other.is_healthy for other in health) else Status.FAILED
            yield Finding("nodes", status, f"{node.label}: {node.why}", "Check the network and BASE_RPC_URL.")
    if well := [node for node in health if node.is_healthy]:
        labels = ", ".join(f"{node.label} ({node.latency_ms or 0:.0f} ms)" for node in well)
        found = f"Chain {chain.client.chain_id}, block {max(node.head or 0 for node in well)}: {labels}."
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
    if balance < LOW_WEI:
        yield Finding("account", Status.WARNING, found, "Send it some ETH on Base: every transaction costs a little.")
    else:
        yield Finding("account", Status.OK, found)


def _sold(chain: Chain) -> Iterator[Finding]:
    """Say of what is on offer why it cannot be sold."""
    if not chain.config.x402.offer:
        return
    problems = chain.seller.problems()
    for problem in problems:
        yield Finding("shop", Status.WARNING, problem, "Until then buyers are turned away.")
    if not problems:
        yield Finding("shop", Status.OK, f"{number(len(chain.seller.offers), 'skill')} on offer.")


def _followed(chain: Chain) -> Iterator[Finding]:
    """Say of each subscription that does not keep up why."""
    states = chain.follower.state()
    for state in states:
        if state.reason:
            yield Finding(f"events {state.name}", Status.WARNING, state.reason, "It is tried again by itself.")
    if states and not any(state.reason for state in states):
        yield Finding("events", Status.OK, f"{number(len(states), 'subscription')} followed.")
