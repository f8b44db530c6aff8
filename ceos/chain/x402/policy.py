"""Which of a seller's offers may be paid: the rules for buying over HTTP (x402); pure.

A seller names its price, its account and the token, and all of that is a stranger's word. What is signed is put
together from our own facts: the chain that is configured, its USDC, the name and version that this token's signatures
carry. An offer that says anything else is refused, and the refusal names the rule:

    x402-host        the host is not in `[[x402.allow]]`, or not over https
    x402-agent       the host is there, but not for this agent
    x402-scheme      not an exact amount that is paid by a signature for `transferWithAuthorization`
    x402-network     another chain than the configured one
    x402-asset       another token than the chain's USDC
    x402-domain      a name or version that this token's signatures do not carry
    x402-recipient   nobody who may be paid there
    x402-amount      no whole number of the token's smallest unit, nothing, or more than there is
    x402-price       more than a call may cost
    x402-timeout     no time in which it could be settled
    x402-per-day     more than may be spent in a UTC day; x402-per-agent: more than the agent may spend in one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal

from ceos.chain.config.models import X402, PaymentHost
from ceos.errors import PolicyRefused
from ceos.evm.types import BASE, BASE_SEPOLIA, checksummed

#: A signed payment is money until it expires: none is good for longer, however much time a seller asks for.
MOST_SECONDS = 600
#: Facilitators refuse what has less than six seconds left, and the way there takes a moment.
LEAST_SECONDS = 10
#: The largest number that Redis counts exactly, in millionths of a USD.
MOST_MICRO = 2**53 - 1
#: The zero address; what is sent there is nobody's.
NOBODY = "0x" + "0" * 40

#: What the chains are called: since version 2 of x402 (CAIP-2), and in version 1.
_NAMES_V1 = {BASE: "base", BASE_SEPOLIA: "base-sepolia"}

Version = Literal[1, 2]


@dataclass(frozen=True)
class Usdc:
    """A chain's USDC, and what its signatures are made over (EIP-712); never taken from a seller's words."""

    chain_id: int
    address: str
    name: str
    version: str = "2"
    decimals: int = 6

    def domain(self) -> dict[str, Any]:
        """Return the EIP-712 domain."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": self.address,
        }

    def usd(self, amount: int) -> Decimal:
        """Return an amount in USD."""
        return Decimal(amount).scaleb(-self.decimals).normalize()

    def amount(self, usd: Decimal) -> int:
        """Return USD as an amount, rounded up."""
        return int(usd.scaleb(self.decimals).to_integral_value(ROUND_CEILING))

    def micro(self, amount: int) -> int:
        """Return an amount in millionths of a USD, rounded up; whole numbers all the way, so nothing gets lost."""
        return -(-amount * 10**6 // int(10**self.decimals))


#: From Circle; the name differs between the two.
USDC_BY_CHAIN = {
    BASE: Usdc(BASE, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
    BASE_SEPOLIA: Usdc(BASE_SEPOLIA, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
}


def micro_usd(usd: Decimal) -> int:
    """Return a cap in millionths of a USD, rounded down, and no more than can be counted exactly."""
    return min(int(usd.scaleb(6)), MOST_MICRO)


def network(chain_id: int, version: Version) -> str | None:
    """Return what a chain is called in a version of x402, or None where it has no name."""
    return f"eip155:{chain_id}" if version == 2 else _NAMES_V1.get(chain_id)


@dataclass(frozen=True)
class PaymentOffer:
    """One way to pay that a seller offers, as it says it."""

    version: Version
    scheme: str
    network: str
    asset: str
    amount: str
    pay_to: str
    seconds: int
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: Word for word, to be sent back with a payment.
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChosenOffer:
    """The offer that is taken, in our own terms."""

    offer: PaymentOffer
    pay_to: str
    amount: int
    usd: Decimal
    #: How long the payment is good for.
    seconds: int


@dataclass(frozen=True)
class PurchaseRequest:
    """Who pays, where, and how much at most."""

    host: str
    #: Nothing for the operator.
    agent: str = ""
    account: str = ""
    #: The caller's own cap, if there is one.
    max_usd: Decimal | None = None
    #: Who is to be paid and nobody else, if the caller says.
    pay_to: str = ""


def allowed_hosts(config: X402, buyer: PurchaseRequest) -> list[PaymentHost]:
    """Return the entries that let this buyer pay this host; raises `PolicyRefused` when there is none."""
    entries = [entry for entry in config.allow if entry.host == buyer.host]
    if not entries:
        known = ", ".join(sorted({entry.host for entry in config.allow})[:8]) or "none"
        raise _refused("x402-host", f"{buyer.host} is not among the hosts in [[x402.allow]]: {known}")
    entries = [entry for entry in entries if not entry.agents or buyer.agent in entry.agents]
    if not entries:
        who = f"agent {buyer.agent!r}" if buyer.agent else "the operator"
        raise _refused("x402-agent", f"{who} is not among those who may buy from {buyer.host}")
    return entries


def choose(offers: Sequence[PaymentOffer], config: X402, buyer: PurchaseRequest, dollar: Usdc) -> ChosenOffer:
    """Return the cheapest offer that may be paid.

    Raises `PolicyRefused`. Where there are several offers, it tells of the one that came closest: a seller that names
    another chain first and then asks too much, asks too much.
    """
    found: list[ChosenOffer] = []
    closest: tuple[int, PolicyRefused] = (-1, _refused("x402-scheme", f"{buyer.host} offers no way to pay"))
    entries = allowed_hosts(config, buyer)
    for offer in offers:
        for entry in entries:
            case = _Case(offer, entry, config, buyer, dollar)
            reached = 0
            try:
                for check in _RULES:
                    check(case)
                    reached += 1
                found.append(case.choice())
            except PolicyRefused as refusal:
                if reached > closest[0]:
                    closest = reached, refusal
    if not found:
        raise closest[1]
    return min(found, key=lambda choice: choice.amount)


@dataclass(frozen=True)
class _Case:
    """One offer under one entry of the allow-list; each method is a rule and raises `PolicyRefused`."""

    offer: PaymentOffer
    entry: PaymentHost
    config: X402
    buyer: PurchaseRequest
    dollar: Usdc

    def choice(self) -> ChosenOffer:
        """Return the offer as it is taken."""
        offer, amount = self.offer, int(self.offer.amount)
        seconds = min(offer.seconds, MOST_SECONDS)
        return ChosenOffer(offer, checksummed(offer.pay_to), amount, self.dollar.usd(amount), seconds)

    def scheme(self) -> None:
        method = self.offer.extra.get("assetTransferMethod", "eip3009")
        if self.offer.scheme != "exact" or method != "eip3009":
            words = f"{_short(self.offer.scheme)} by {_short(method)}"
            raise self._refused("x402-scheme", f"wants to be paid {words}; only 'exact' by 'eip3009' is paid")

    def network(self) -> None:
        ours = network(self.dollar.chain_id, self.offer.version)
        if self.offer.network != ours:
            there, here = _short(self.offer.network), ours or self.dollar.chain_id
            raise self._refused("x402-network", f"wants to be paid on {there}; the chain here is {here}")

    def asset(self) -> None:
        if _address(self.offer.asset) != self.dollar.address:
            theirs = _short(self.offer.asset)
            raise self._refused("x402-asset", f"wants the token {theirs}; only USDC ({self.dollar.address}) is paid")

    def domain(self) -> None:
        ours = (self.dollar.name, self.dollar.version)
        told = (self.offer.extra.get("name", ours[0]), self.offer.extra.get("version", ours[1]))
        if told != ours:
            words = f"calls the token {_short(told[0])} version {_short(told[1])}"
            raise self._refused("x402-domain", f"{words}; its signatures say {ours[0]!r} version {ours[1]!r}")

    def recipient(self) -> None:
        recipient = _address(self.offer.pay_to)
        if recipient is None or recipient in (NOBODY, self.dollar.address):
            raise self._refused("x402-recipient", f"wants {_short(self.offer.pay_to)} to be paid, which is nobody")
        if recipient == self.buyer.account:
            raise self._refused("x402-recipient", "wants the buyer's own account to be paid")
        if self.buyer.pay_to and recipient != self.buyer.pay_to:
            raise self._refused("x402-recipient", f"wants {recipient} to be paid, and not {self.buyer.pay_to} any more")
        if self.entry.pay_to and recipient not in self.entry.pay_to:
            raise self._refused("x402-recipient", f"wants {recipient} to be paid, which its entry does not name")

    def amount(self) -> None:
        # int() would take blanks, signs, underscores and the digits of other scripts.
        text = self.offer.amount
        plain = text.isascii() and text.isdecimal() and len(text) <= 78 and text == str(int(text))
        if not plain or not 0 < self.dollar.micro(int(text)) <= MOST_MICRO:
            raise self._refused("x402-amount", f"asks for {_short(text)}, which is no amount that can be paid")

    def price(self) -> None:
        amount = int(self.offer.amount)
        caps = {
            "[x402] max_usd_per_call": self.config.max_usd_per_call,
            "max_usd_per_call of its entry": self.entry.max_usd_per_call,
            "the most that the caller would pay": self.buyer.max_usd,
        }
        for name, cap in caps.items():
            if cap is not None and self.dollar.micro(amount) > micro_usd(cap):
                raise self._refused("x402-price", f"asks for {self.dollar.usd(amount):f} USD; {name} is {cap:f}")

    def timeout(self) -> None:
        if self.offer.seconds < LEAST_SECONDS:
            words = f"gives {self.offer.seconds} s for the payment; less than {LEAST_SECONDS} is no time"
            raise self._refused("x402-timeout", words)

    def _refused(self, rule: str, words: str) -> PolicyRefused:
        return _refused(rule, f"{self.buyer.host} {words}")


#: In the order in which they are asked.
_RULES = (
    _Case.scheme,
    _Case.network,
    _Case.asset,
    _Case.domain,
    _Case.recipient,
    _Case.amount,
    _Case.price,
    _Case.timeout,
)

#: The rules that the day's totals answer for; the store asks them while it sets the money aside.
DAY_RULES = {
    "x402-per-day": "more would be spent today (UTC) than [x402] max_usd_per_day allows",
    "x402-per-agent": "the agent would spend more today (UTC) than [x402] max_usd_per_agent_per_day allows",
}


def day_refused(rule: str, host: str, usd: Decimal, spent: Decimal) -> PolicyRefused:
    """Return the refusal of a payment that does not fit into the day."""
    return _refused(rule, f"{host} asks for {usd:f} USD, {spent:f} are spent or set aside, and {DAY_RULES[rule]}")


def _address(value: str) -> str | None:
    try:
        return checksummed(value)
    except ValueError:
        return None


def _short(value: Any) -> str:
    """Return a stranger's word for a message."""
    return repr(str(value)[:60])


def _refused(rule: str, words: str) -> PolicyRefused:
    return PolicyRefused(f"Not paid ({rule}): {words}. Nothing was signed.", rule=rule)
