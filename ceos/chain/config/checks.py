"""Checks the tables of `chain.toml` against each other: names must exist, and rules must be able to allow something.

A rule that allows more than its author intends costs money, and one that allows nothing costs time. Both are reported
as mistakes in the file before anything is signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ceos.chain.config.contracts import Contract, Contracts, read_abi
from ceos.chain.config.models import (
    X402,
    Allow,
    ChainConfig,
    ContractEntry,
    CreatorScore,
    Offer,
    PaymentHost,
    TxPolicy,
)
from ceos.chain.config.risks import is_handover, is_mover, rule_problems
from ceos.config.toml import Location
from ceos.domain.base import Frozen
from ceos.domain.chain_event import Subscription
from ceos.errors import CeosError, InvalidInput
from ceos.evm.calldata import Signature

Entry = TypeVar("Entry", bound=Frozen)
#: The location of a mistake, and a sentence about it.
Problem = tuple[Location, str]

ZERO = "0x" + 40 * "0"


@dataclass(frozen=True)
class Entries:
    """The valid tables of a file with their locations; None for an invalid table."""

    root: ChainConfig | None
    contracts: list[tuple[Location, ContractEntry]]
    subscriptions: list[tuple[Location, Subscription]]
    policy: TxPolicy | None
    allows: list[tuple[Location, Allow]]
    x402: X402 | None
    hosts: list[tuple[Location, PaymentHost]]
    offers: list[tuple[Location, Offer]]
    creator_score: CreatorScore | None
    #: The keys at the top level of the file.
    written: frozenset[str]
    #: The names of all contracts in the file, the invalid ones included.
    named: frozenset[str]

    def config(self) -> ChainConfig:
        """Return the complete configuration; only for a file without mistakes."""
        policy = (self.policy or TxPolicy()).model_copy(update={"allow": _models(self.allows)})
        x402 = (self.x402 or X402()).model_copy(update={"allow": _models(self.hosts), "offer": _models(self.offers)})
        update = {
            "contract": _models(self.contracts),
            "subscription": _models(self.subscriptions),
            "policy": policy,
            "x402": x402,
            "creator_score": self.creator_score,
        }
        return (self.root or ChainConfig()).model_copy(update=update)


def check(entries: Entries, folder: Path, agents: Collection[str] | None, chain_id: int) -> Iterator[Problem]:
    """Yield the mistakes of tables that are valid by themselves."""
    usable = ChainConfig(contract=_models(entries.contracts))
    checks = _Checks(Contracts(usable, chain_id, folder), entries.named, agents)
    yield from _contract_problems(entries.contracts, folder)
    yield from checks.subscriptions(entries.subscriptions)
    if entries.policy is not None:
        yield from _policy_problems(entries.policy, is_used="policy" in entries.written)
    for location, entry in entries.allows:
        yield from checks.allow(location, entry)
    yield from checks.payments(entries)
    if entries.creator_score is not None:
        yield from checks.creator_score(entries.creator_score)
    for index, agent in enumerate(entries.root.anchor if entries.root else ()):
        yield from checks.agent(("anchor", index), agent)


def warnings(config: ChainConfig) -> Iterator[str]:
    """Yield warnings about valid rules that give much power."""
    for entry in config.policy.allow:
        for function in map(Signature.parse, entry.functions):
            if is_handover(function):
                yield f"{entry.contract}: {function.name} hands over control; a person approves each call."
            elif entry.recipients == "any" and is_mover(function):
                yield f"{entry.contract}: {function.name} may go to any address, up to {entry.max_amount} at a time."


def _models(entries: list[tuple[Location, Entry]]) -> tuple[Entry, ...]:
    return tuple(entry for _, entry in entries)


def _contract_problems(contracts: list[tuple[Location, ContractEntry]], folder: Path) -> Iterator[Problem]:
    yield from _repeated([((*at, "name"), entry.name) for at, entry in contracts], "contract")
    for at, entry in contracts:
        if entry.address == ZERO:
            yield (*at, "address"), "the zero address is not a contract."
        try:
            read_abi(entry, folder)
        except InvalidInput as error:
            yield (*at, "abi"), str(error)


def _policy_problems(policy: TxPolicy, *, is_used: bool) -> Iterator[Problem]:
    if is_used and not policy.chains:
        yield ("policy",), "names no chain, so nothing can be signed; add chains = [8453] for Base."
    for key in ("max_eth", "max_eth_per_day"):
        if is_used and not getattr(policy, key):
            yield (
                ("policy",),
                f'{key} is 0, which does not even pay for gas; add {key} = "0.001" or as much as you can lose.',
            )
    if policy.approve_above_eth is not None and policy.approve_above_eth >= policy.max_eth:
        yield (
            ("policy", "approve_above_eth"),
            f"is never reached, because max_eth is {policy.max_eth}; make it smaller.",
        )
    yield from _zeros(("policy", "recipients"), policy.recipients)


def _zeros(at: Location, addresses: Iterable[str]) -> Iterator[Problem]:
    if ZERO in addresses:
        yield at, "has the zero address; anything sent there is lost."


def _repeated(named: list[tuple[Location, str]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, name in named:
        if name in seen:
            yield at, f"there is another {what} {name!r}; keep one."
        seen.add(name)


class _Checks:
    """Checks that need the known contracts and agents."""

    def __init__(self, contracts: Contracts, named: Collection[str], agents: Collection[str] | None) -> None:
        self._contracts = contracts
        self._named = named
        self._agents = agents

    def agent(self, at: Location, agent_id: str) -> Iterator[Problem]:
        """Yield a problem for an unknown agent."""
        if self._agents is not None and agent_id not in self._agents:
            yield at, f"there is no agent {agent_id!r}; 'ceos agent list' shows the known ones."

    def agents(self, at: Location, agent_ids: Iterable[str]) -> Iterator[Problem]:
        """Yield a problem for each unknown agent."""
        for index, agent_id in enumerate(agent_ids):
            yield from self.agent((*at, "agents", index), agent_id)

    def subscriptions(self, subscriptions: list[tuple[Location, Subscription]]) -> Iterator[Problem]:
        """Yield problems of unknown events and impossible filters."""
        yield from _repeated([((*at, "name"), entry.name) for at, entry in subscriptions], "subscription")
        for at, entry in subscriptions:
            yield from self.agents(at, entry.agents)
            contract, problems = self._find((*at, "contract"), entry.contract)
            yield from problems
            if contract is None:
                continue
            key = "event"
            try:
                event = contract.event(entry.event)
                key = "filter"
                event.topics(entry.filter)
            except InvalidInput as error:
                yield (*at, key), str(error)

    def allow(self, at: Location, entry: Allow) -> Iterator[Problem]:
        """Yield problems of a rule that never allows anything, or allows calls that cannot be evaluated."""
        yield from self.agents(at, entry.agents)
        contract, problems = self._find((*at, "contract"), entry.contract)
        yield from problems
        if entry.recipients != "any":
            yield from _zeros((*at, "recipients"), entry.recipients)
        yield from self._token(at, entry, contract)
        selectors: set[str] = set()
        for index, text in enumerate(entry.functions):
            here = (*at, "functions", index)
            try:
                function = Signature.parse(text)
            except InvalidInput as error:
                yield here, str(error)
                continue
            if function.selector in selectors:
                yield here, f"another function of this entry has the selector {function.selector} as well; keep one."
            selectors.add(function.selector)
            yield from _unknown_function(here, contract, function)
            for problem in rule_problems(entry, function):
                yield (*at, problem.key), f"{problem.why}."

    def payments(self, entries: Entries) -> Iterator[Problem]:
        """Yield problems of impossible payments, and of offers without a price or made twice."""
        yield from _repeated([((*at, "host"), entry.host) for at, entry in entries.hosts], "entry for the host")
        for key in ("max_usd_per_call", "max_usd_per_day"):
            if entries.hosts and entries.x402 is not None and not getattr(entries.x402, key):
                yield ("x402",), f'{key} is 0, so no host can be paid; add {key} = "0.10" or as much as you can lose.'
        for at, host in entries.hosts:
            yield from self.agents(at, host.agents)
            yield from _zeros((*at, "pay_to"), host.pay_to)
        yield from _repeated([(at, f"{entry.agent}/{entry.skill}") for at, entry in entries.offers], "offer of")
        for at, offer in entries.offers:
            yield from self.agent((*at, "agent"), offer.agent)
            yield from _zeros((*at, "pay_to"), [offer.pay_to or ""])
            if not offer.usd or offer.usd != round(offer.usd, 6):
                yield (*at, "usd"), 'expected a price such as "0.05"; USDC has six digits after the point.'

    def creator_score(self, score: CreatorScore) -> Iterator[Problem]:
        """Yield a problem unless the function returns one number for one account."""
        contract, problems = self._find(("creator_score", "contract"), score.contract)
        yield from problems
        at = ("creator_score", "function")
        try:
            abi = contract.abi if contract else None
            is_name = abi is not None and "(" not in score.function
            found = abi.function(score.function) if abi and is_name else Signature.parse(score.function)
        except InvalidInput as error:
            yield at, str(error)
            return
        inputs = [param.type for param in found.inputs]
        outputs = [param.type for param in found.outputs]
        if inputs != ["address"] or len(outputs) != 1 or not outputs[0].startswith(("uint", "int")):
            yield (
                at,
                "expected a function from an account to a number, such as 'scoreOf(address) returns (uint256)'.",
            )

    def _find(self, at: Location, name: str) -> tuple[Contract | None, list[Problem]]:
        try:
            return self._contracts.find(name), []
        except CeosError as error:
            # A broken ABI is reported at the contract itself.
            return None, [(at, str(error))] if name not in self._named else []

    def _token(self, at: Location, entry: Allow, contract: Contract | None) -> Iterator[Problem]:
        token, key = contract, "contract"
        if entry.token is not None:
            key = "token"
            token, problems = self._find((*at, "token"), entry.token)
            yield from problems
        if entry.amount is not None and token is not None and token.decimals is None:
            yield (
                (*at, key),
                f"the decimals of {token.name} are unknown, so {entry.max_amount} of it has no meaning; "
                "add decimals to its [[contract]].",
            )


def _unknown_function(at: Location, contract: Contract | None, function: Signature) -> Iterator[Problem]:
    if contract is None or contract.abi is None:
        return
    described = contract.abi.functions.get(function.types)
    if described is None:
        near = [one.signature for one in contract.abi.functions.values() if one.name == function.name]
        hint = f"it has {', '.join(near)}" if near else "look at its ABI"
        yield at, f"{contract.name} has no function {function.types}; {hint}."
    elif function.outputs and [one.type for one in function.outputs] != [one.type for one in described.outputs]:
        outputs = ", ".join(one.type for one in described.outputs) or "nothing"
        yield at, f"{function.types} of {contract.name} returns {outputs}."
