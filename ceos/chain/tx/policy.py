"""Decides what may be signed: a request that no rule of the operator allows is refused, with the rule's name; pure.

    verdict = evaluate(config.policy, request, contracts.find, account=account, max_fee_wei=fee)

A request may come from a model that untrusted text has manipulated, so nothing in it is trusted: its own form is
checked, its data is read in only one way (`calldata.py`), every address in it counts, wherever it is, and fees count as
money.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import Protocol

from ceos.chain.config.models import Allow, TxPolicy
from ceos.chain.config.risks import is_allowance, is_handover, is_swap, rule_problems
from ceos.chain.tx.types import TxRequest
from ceos.errors import CeosError, PolicyRefused
from ceos.evm.amounts import ether, whole
from ceos.evm.calldata import LeafValue, Signature
from ceos.evm.types import checksummed

#: The largest number that Redis counts without rounding.
MAX_COUNT = 2**53 - 1

#: The rules of one entry in the order of their checks: when several entries refuse, the error that came furthest is the
#: most informative.
ENTRY_RULES = ("function", "agent", "calldata", "swap", "recipient", "spender", "value", "amount", "min-out")

_AGENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}|")
_DATA = re.compile(r"0x(?:[0-9a-f]{2})*")


class KnownContract(Protocol):
    """The facts about a contract that the policy needs."""

    @property
    def address(self) -> str:
        """Its address."""

    @property
    def decimals(self) -> int | None:
        """The digits after the point, if it is a token."""


Resolve = Callable[[str], KnownContract]


@dataclass(frozen=True)
class Cap:
    """A counter of one UTC day to which a transaction adds when it is signed, and its limit."""

    #: The counter, such as "eth-per-day" or "eth-per-agent-per-day:ada".
    name: str
    #: "gwei", or "millionths" of a token; fractions are rounded up.
    unit: str
    amount: int
    #: The limit.
    most: int
    #: The rule that refuses a higher total.
    rule: str

    def limit_text(self) -> str:
        """Return the limit for a person."""
        if self.unit == "gwei":
            return f"{ether(self.most * 10**9)} ETH"
        return f"{ether(self.most * 10**12)} tokens"


@dataclass(frozen=True)
class MinOut:
    """The minimum output in the call of a swap, and the percentage of the simulated output that it must reach."""

    value: int
    percent: Decimal
    function: Signature


@dataclass(frozen=True)
class PolicyVerdict:
    """The terms on which a transaction is allowed."""

    #: The position of the entry among `[[policy.allow]]`; None for plain ETH.
    entry: int | None
    #: The allowed action for a person: "usdc: transfer(address,uint256)".
    allows: str
    caps: tuple[Cap, ...]
    #: The reason why a person must approve it, or nothing.
    approval: str = ""
    min_out: MinOut | None = None


def evaluate(
    policy: TxPolicy, request: TxRequest, resolve: Resolve, *, account: str, max_fee_wei: int = 0
) -> PolicyVerdict:
    """Return the terms on which `account` may sign a transaction, or raise `PolicyRefused` with the rule's name.

    `max_fee_wei` is the upper limit of the fees; with 0, before it is known, every other rule is checked.
    """
    _check_form(request, max_fee_wei)
    if request.chain_id not in policy.chains:
        known = ", ".join(map(str, policy.chains)) or "none"
        raise refused("chain", f"chain {request.chain_id} is not allowed; [policy] chains has {known}")
    allowed = _plain_eth(policy, request) if request.data == "0x" else _call(policy, request, resolve, account)
    caps = (*eth_caps(policy, request, max_fee_wei), *allowed.caps)
    for cap in caps:
        if cap.amount > cap.most:
            raise refused(cap.rule, f"{cap.name} allows {cap.limit_text()}, and this transaction alone exceeds it")
    approval = "; ".join(filter(None, (allowed.approval, _approval(policy, request, max_fee_wei))))
    return PolicyVerdict(allowed.entry, allowed.allows, caps, approval, allowed.min_out)


def check_outcome(verdict: PolicyVerdict, returned: str) -> None:
    """Raise `PolicyRefused` if a swap accepts much less than its simulation has `returned` (hex)."""
    wanted = verdict.min_out
    if wanted is None:
        return
    try:
        result = wanted.function.read_result(returned)[0]
        simulated = int(result[-1] if isinstance(result, list) else result)
    except (ValueError, LookupError):
        raise refused("min-out", "the simulation returned no amount to compare the minimum with") from None
    if simulated == 0 or wanted.value * 100 < Fraction(wanted.percent) * simulated:
        raise refused(
            "min-out",
            f"it accepts {wanted.value} where the simulation gives {simulated}; "
            f"at least {wanted.percent} % of that is required",
        )


def refused(rule: str, why: str) -> PolicyRefused:
    """Return the error that names the rule that refuses a transaction, and the reason."""
    return PolicyRefused(f"rule {rule}: {why}.", rule=rule)


def _check_form(request: TxRequest, max_fee_wei: int) -> None:
    """Refuse a malformed request: a plugin can build one past the validation of its class."""
    if not request.to or request.to == "0x":
        raise refused("creation", "it has no recipient and would create a contract, which is never allowed")
    if not _is_address(request.to):
        raise refused("recipient", f"{_short(request.to)} is not an address with its checksum")
    if not isinstance(request.data, str) or not _DATA.fullmatch(request.data):
        raise refused("calldata", "its data is not lower-case hex")
    if not _is_count(request.chain_id):
        raise refused("chain", f"{_short(request.chain_id)} is not a chain id")
    if not _is_count(request.value):
        raise refused("value-per-transaction", f"{_short(request.value)} is not an amount in wei")
    if not _is_count(max_fee_wei):
        raise refused("fee", f"{_short(max_fee_wei)} is not an amount in wei")
    if not isinstance(request.agent, str) or not _AGENT.fullmatch(request.agent):
        raise refused("agent", f"{_short(request.agent)} is not an agent's id")


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and checksummed(value) == value
    except ValueError:
        return False


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _short(value: object) -> str:
    return ascii(value)[:60]


def _plain_eth(policy: TxPolicy, request: TxRequest) -> PolicyVerdict:
    if request.to not in policy.recipients:
        raise refused("recipient", f"{request.to} is not among the [policy] recipients of plain ETH")
    return PolicyVerdict(None, f"ETH to {request.to}", ())


def _call(policy: TxPolicy, request: TxRequest, resolve: Resolve, account: str) -> PolicyVerdict:
    entries = [
        (index, entry) for index, entry in enumerate(policy.allow) if _address(resolve, entry.contract) == request.to
    ]
    if not entries:
        raise refused("contract", f"no [[policy.allow]] is for the contract {request.to}")
    errors: list[PolicyRefused] = []
    for index, entry in entries:
        try:
            return _AllowEntry(index, entry, resolve, account).evaluate_call(request)
        except PolicyRefused as error:
            errors.append(error)
    raise max(errors, key=lambda error: ENTRY_RULES.index(error.rule))


def _address(resolve: Resolve, name: str) -> str | None:
    """Return the address of a contract, or None for an unknown name."""
    try:
        return resolve(name).address
    except CeosError:
        return None


class _AllowEntry:
    """One `[[policy.allow]]`, applied to a call of its contract."""

    def __init__(self, index: int, entry: Allow, resolve: Resolve, account: str) -> None:
        self._index = index
        self._entry = entry
        self._resolve = resolve
        self._account = account

    def evaluate_call(self, request: TxRequest) -> PolicyVerdict:
        """Return the terms of this entry, or raise `PolicyRefused`."""
        entry = self._entry
        function = self._function(request.data)
        if entry.agents and request.agent not in entry.agents:
            who = repr(request.agent) if request.agent else "the operator"
            raise refused("agent", f"{function.name} is allowed to {', '.join(entry.agents)} only, not to {who}")
        leaves = self._leaves(function, request.data)
        self._check_accounts(function, leaves)
        if request.value > _floor(entry.max_eth, 18):
            raise refused("value", f"{entry.contract} allows {entry.max_eth} ETH with {function.name}")
        caps, approval = self._evaluate_amount(leaves)
        if is_handover(function):
            approval = f"{function.name} hands over control; {approval}".removesuffix("; ")
        return PolicyVerdict(
            self._index, f"{entry.contract}: {function.types}", caps, approval, self._min_out(function, leaves)
        )

    def _function(self, data: str) -> Signature:
        for text in self._entry.functions:
            try:
                function = Signature.parse(text)
            except CeosError:
                continue
            if data.startswith(function.selector):
                return function
        if len(data) < len("0x") + 8:
            raise refused("calldata", "its data is too short to call a function")
        raise refused("function", f"no allowed function of {self._entry.contract} has the selector {data[:10]}")

    def _leaves(self, function: Signature, data: str) -> Sequence[LeafValue]:
        if problem := next(rule_problems(self._entry, function), None):
            raise refused(problem.rule, problem.why)
        try:
            return function.read(data)
        except ValueError as error:
            raise refused("calldata", f"its data is not a plain call of {function.types}: {error}") from None

    def _check_accounts(self, function: Signature, leaves: Sequence[LeafValue]) -> None:
        allowed = self._entry.recipients
        if allowed == "any":
            return
        for leaf in leaves:
            for address in self._accounts(function, leaf):
                if address != self._account and address not in allowed:
                    rule = "spender" if is_allowance(function) else "recipient"
                    where = f"in {leaf.path} of" if leaf.path else "in"
                    raise refused(rule, f"{address}, {where} {function.name}, is not among its recipients")

    def _accounts(self, function: Signature, leaf: LeafValue) -> Sequence[str]:
        if is_swap(function) and leaf.type.startswith("uint"):
            return [] if leaf.path in (self._entry.amount, self._entry.min_out) else leaf.packed()
        if leaf.path != self._entry.token_argument or leaf.type != "bytes":
            return leaf.accounts()
        try:
            return leaf.tokens()
        except ValueError as error:
            raise refused("calldata", f"{leaf.path} is not the path of a swap: {error}") from None

    def _evaluate_amount(self, leaves: Sequence[LeafValue]) -> tuple[tuple[Cap, ...], str]:
        entry = self._entry
        if entry.amount is None or entry.max_amount is None:
            return (), ""
        token = self._token(leaves)
        decimals = token.decimals
        if decimals is None:
            raise refused("amount", f"the decimals of {entry.token or entry.contract} are unknown; add decimals")
        units = sum(leaf.value for leaf in leaves if leaf.path == entry.amount)
        if units > _floor(entry.max_amount, decimals):
            raise refused("amount", f"{whole(units, decimals)} tokens are more than max_amount {entry.max_amount}")
        approval = ""
        if entry.approve_above is not None and units > _floor(entry.approve_above, decimals):
            approval = f"{whole(units, decimals)} tokens are more than {entry.approve_above}"
        return tuple(self._day_caps(units, token.address, decimals)), approval

    def _token(self, leaves: Sequence[LeafValue]) -> KnownContract:
        """Return the token whose amount counts; refuse a call for another one."""
        entry = self._entry
        try:
            token = self._resolve(entry.token or entry.contract)
        except CeosError:
            raise refused("amount", f"there is no contract {entry.token!r} here") from None
        if entry.token_argument is not None:
            named = next((leaf for leaf in leaves if leaf.path == entry.token_argument), None)
            # A path begins with the token that goes in.
            actual = named.tokens()[0] if named and named.type == "bytes" else named and named.value
            if actual != token.address:
                raise refused("amount", f"{entry.token_argument} is not {entry.token}, the token of max_amount")
        return token

    def _day_caps(self, units: int, token: str, decimals: int) -> Iterator[Cap]:
        limit = self._entry.max_amount_per_day
        if limit is not None:
            name = f"tokens-per-day:{token}:{self._fingerprint()}"
            amount = ceil(Fraction(units * 10**6, 10**decimals))
            yield Cap(name, "millionths", amount, min(_floor(limit, 6), MAX_COUNT), "amount-per-day")

    def _fingerprint(self) -> str:
        """Return a digest that identifies the entry, without its limits: a higher limit must not start a new day."""
        entry = self._entry
        parts = (entry.contract, *sorted(entry.functions), *sorted(entry.agents), entry.amount or "")
        return sha256("\n".join(parts).encode()).hexdigest()[:8]

    def _min_out(self, function: Signature, leaves: Sequence[LeafValue]) -> MinOut | None:
        entry = self._entry
        if entry.min_out is None:
            return None
        value = next(leaf.value for leaf in leaves if leaf.path == entry.min_out)
        if value == 0:
            raise refused("min-out", f"{entry.min_out} is 0, so the swap would accept no output at all")
        return MinOut(value, entry.min_out_percent, function)


def eth_caps(policy: TxPolicy, request: TxRequest, max_fee_wei: int) -> tuple[Cap, ...]:
    """Return the daily caps in ETH of a transaction, after checking the limit of a single one."""
    limit, total = _floor(policy.max_eth, 18), request.value + max_fee_wei
    if request.value > limit:
        raise refused(
            "value-per-transaction", f"{ether(request.value)} ETH are more than [policy] max_eth {policy.max_eth}"
        )
    if total > limit:
        raise refused(
            "fee",
            f"{ether(request.value)} ETH and up to {ether(max_fee_wei)} ETH of fees are more than "
            f"[policy] max_eth {policy.max_eth}",
        )
    gwei = ceil(Fraction(total, 10**9))
    caps = [Cap("eth-per-day", "gwei", gwei, _day_limit(policy.max_eth_per_day), "value-per-day")]
    if policy.max_eth_per_agent_per_day is not None:
        name = f"eth-per-agent-per-day:{request.agent or '-'}"
        caps.append(Cap(name, "gwei", gwei, _day_limit(policy.max_eth_per_agent_per_day), "value-per-agent"))
    return tuple(caps)


def _day_limit(eth: Decimal) -> int:
    return min(_floor(eth, 9), MAX_COUNT)


def _approval(policy: TxPolicy, request: TxRequest, max_fee_wei: int) -> str:
    total, threshold = request.value + max_fee_wei, policy.approve_above_eth
    if threshold is None or total <= _floor(threshold, 18):
        return ""
    return f"it may cost {ether(total)} ETH, more than {threshold}"


def _floor(amount: Decimal, decimals: int) -> int:
    """Return an amount in its smallest unit, rounded down; exact, where Decimal would round after 28 digits."""
    return int(Fraction(amount) * 10**decimals)
