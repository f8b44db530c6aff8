"""What the tables of `chain.toml` mean together: whether what they name is there, and whether a rule can ever be meant.

A rule that allows more than its author thinks costs money, and one that allows nothing costs an evening. Both are
mistakes in the file, said before anything is signed.
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
    Policy,
)
from ceos.chain.tx.risks import is_handover, is_mover, objections
from ceos.config.toml import Location
from ceos.domain.base import Frozen
from ceos.domain.chain_event import Subscription
from ceos.errors import CeosError, InvalidInput
from ceos.evm.calldata import Signature

Entry = TypeVar("Entry", bound=Frozen)
#: Where something is wrong, and what.
Problem = tuple[Location, str]

ZERO = "0x" + 40 * "0"


@dataclass(frozen=True)
class Entries:
    """The valid tables of a file with their locations; None for one that is not valid."""

    root: ChainConfig | None
    contracts: list[tuple[Location, ContractEntry]]
    subscriptions: list[tuple[Location, Subscription]]
    policy: Policy | None
    allows: list[tuple[Location, Allow]]
    x402: X402 | None
    hosts: list[tuple[Location, PaymentHost]]
    offers: list[tuple[Location, Offer]]
    creator_score: CreatorScore | None
    #: The keys at the top of the file.
    written: frozenset[str]
    #: Names that contracts have there, of those that are not valid as well.
    named: frozenset[str]

    def config(self) -> ChainConfig:
        """Return all of it in one; only for a file without mistakes."""
        policy = (self.policy or Policy()).model_copy(update={"allow": _models(self.allows)})
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
    """Yield what is wrong with tables that are valid by themselves."""
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
    """Yield what an operator should know about rules that are valid: who could get a hold on things through them."""
    for entry in config.policy.allow:
        for function in map(Signature.parse, entry.functions):
            if is_handover(function):
                yield f"{entry.contract}: {function.name} hands over control; a person approves each call."
            elif entry.recipients == "any" and is_mover(function):
                yield f"{entry.contract}: {function.name} may go to anybody, up to {entry.max_amount} at a time."


def _models(entries: list[tuple[Location, Entry]]) -> tuple[Entry, ...]:
    return tuple(entry for _, entry in entries)


def _contract_problems(contracts: list[tuple[Location, ContractEntry]], folder: Path) -> Iterator[Problem]:
    yield from _repeated([((*at, "name"), entry.name) for at, entry in contracts], "contract")
    for at, entry in contracts:
        if entry.address == ZERO:
            yield (*at, "address"), "the zero address is no contract."
        try:
            read_abi(entry, folder)
        except InvalidInput as error:
            yield (*at, "abi"), str(error)


def _policy_problems(policy: Policy, *, is_used: bool) -> Iterator[Problem]:
    if is_used and not policy.chains:
        yield ("policy",), "names no chain, so nothing can be signed; add chains = [8453] for Base."
    for key in ("max_eth", "max_eth_per_day"):
        if is_used and not getattr(policy, key):
            yield ("policy",), f'{key} is 0, which does not even pay for gas; add {key} = "0.001" or what you can lose.'
    if policy.approve_above_eth is not None and policy.approve_above_eth >= policy.max_eth:
        yield ("policy", "approve_above_eth"), f"is never reached, for max_eth is {policy.max_eth}; make it smaller."
    yield from _zeros(("policy", "recipients"), policy.recipients)


def _zeros(at: Location, addresses: Iterable[str]) -> Iterator[Problem]:
    if ZERO in addresses:
        yield at, "has the zero address; what goes there is lost."


def _repeated(named: list[tuple[Location, str]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, name in named:
        if name in seen:
            yield at, f"there is another {what} {name!r}; each is there once."
        seen.add(name)


class _Checks:
    """Checks that need to know which contracts and agents there are."""

    def __init__(self, contracts: Contracts, named: Collection[str], agents: Collection[str] | None) -> None:
        self._contracts = contracts
        self._named = named
        self._agents = agents

    def agent(self, at: Location, agent_id: str) -> Iterator[Problem]:
        """Complain about an agent that does not exist."""
        if self._agents is not None and agent_id not in self._agents:
            yield at, f"there is no agent {agent_id!r}; 'ceos agent list' shows those there are."

    def agents(self, at: Location, agent_ids: Iterable[str]) -> Iterator[Problem]:
        """Complain about agents that do not exist."""
        for index, agent_id in enumerate(agent_ids):
            yield from self.agent((*at, "agents", index), agent_id)

    def subscriptions(self, subscriptions: list[tuple[Location, Subscription]]) -> Iterator[Problem]:
        """Complain about events that do not exist, and filters that cannot be."""
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
        """Complain about a rule that could never allow anything, or allows what cannot be judged."""
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
                yield here, f"another function of this entry is called by {function.selector} as well; keep one."
            selectors.add(function.selector)
            yield from _unknown_function(here, contract, function)
            for objection in objections(entry, function):
                yield (*at, objection.key), f"{objection.why}."

    def payments(self, entries: Entries) -> Iterator[Problem]:
        """Complain about payments that could never be made, and about what is sold for nothing or twice."""
        yield from _repeated([((*at, "host"), entry.host) for at, entry in entries.hosts], "entry for the host")
        for key in ("max_usd_per_call", "max_usd_per_day"):
            if entries.hosts and entries.x402 is not None and not getattr(entries.x402, key):
                yield ("x402",), f'{key} is 0, so nobody can be paid; add {key} = "0.10" or what you can lose.'
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
        """Complain about a score that is not one number for one account."""
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
            yield at, "expected a function of one account that gives one number: 'scoreOf(address) returns (uint256)'."

    def _find(self, at: Location, name: str) -> tuple[Contract | None, list[Problem]]:
        try:
            return self._contracts.find(name), []
        except CeosError as error:
            # What is wrong with its ABI is said where the contract stands.
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
                f"nobody says how many decimals {token.name} has, so {entry.max_amount} of it means nothing; "
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
        gives = ", ".join(one.type for one in described.outputs) or "nothing"
        yield at, f"{function.types} of {contract.name} returns {gives}."
