"""The rules that decide which of a seller's offers may be paid over HTTP (x402); pure.

A seller names its price, its account and the token, and none of that is trusted. The signed message is built from our
own facts: the configured chain, its USDC, the name and version of that token's signatures. An offer that differs from
them is refused, and the refusal names the rule:

    x402-host        the host is not in `[[x402.allow]]`, or not over https
    x402-agent       the host is there, but not for this agent
    x402-scheme      not an exact amount that is paid by a signature for `transferWithAuthorization`
    x402-network     another chain than the configured one
    x402-asset       another token than the chain's USDC
    x402-domain      another name or version than those of this token's signatures
    x402-recipient   an account that may not be paid there
    x402-amount      not a positive whole number of the token's smallest unit, or too large
    x402-price       more than a call may cost
    x402-timeout     too short a time to settle the payment
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

#: A signed payment can be charged until it expires, so none is valid for longer, whatever a seller asks for.
MAX_VALID_SECONDS = 600
#: Facilitators refuse a payment with less than six seconds left; the rest is for the requests on the way.
MIN_VALID_SECONDS = 10
#: The largest number that Redis counts exactly, in millionths of a USD.
MAX_MICRO_USD = 2**53 - 1
#: Tokens that are sent to the zero address are lost.
ZERO_ADDRESS = "0x" + "0" * 40

#: The names of the chains in version 1 of x402; version 2 uses CAIP-2.
_NAMES_V1 = {BASE: "base", BASE_SEPOLIA: "base-sepolia"}

Version = Literal[1, 2]


@dataclass(frozen=True)
class Usdc:
    """A chain's USDC and the domain of its signatures (EIP-712); never taken from what a seller sends."""

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
        """Return an amount in millionths of a USD, rounded up, without a rounding error of floats."""
        return -(-amount * 10**6 // int(10**self.decimals))


#: As published by Circle; the names differ.
USDC_BY_CHAIN = {
    BASE: Usdc(BASE, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
    BASE_SEPOLIA: Usdc(BASE_SEPOLIA, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
}


def micro_usd(usd: Decimal) -> int:
    """Return a limit in millionths of a USD, rounded down, and at most the largest number that is counted exactly."""
    return min(int(usd.scaleb(6)), MAX_MICRO_USD)


def network(chain_id: int, version: Version) -> str | None:
    """Return the name of a chain in a version of x402, or None where it has none."""
    return f"eip155:{chain_id}" if version == 2 else _NAMES_V1.get(chain_id)


@dataclass(frozen=True)
class PaymentOffer:
    """One way to pay that a seller offers, as it was received."""

    version: Version
    scheme: str
    network: str
    asset: str
    amount: str
    pay_to: str
    seconds: int
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: Unchanged, to be returned with a payment.
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChosenOffer:
    """The offer that is paid, with the values that are signed."""

    offer: PaymentOffer
    pay_to: str
    amount: int
    usd: Decimal
    #: How long the payment is valid.
    seconds: int


@dataclass(frozen=True)
class PurchaseRequest:
    """The payer, the host, and the caller's own limits."""

    host: str
    #: Empty for the operator.
    agent: str = ""
    account: str = ""
    max_usd: Decimal | None = None
    #: The only account that may be paid; empty for any that the rules allow.
    pay_to: str = ""


def allowed_hosts(config: X402, request: PurchaseRequest) -> list[PaymentHost]:
    """Return the `[[x402.allow]]` entries for this payer and host; raises `PolicyRefused` when there is none."""
    entries = [entry for entry in config.allow if entry.host == request.host]
    if not entries:
        known = ", ".join(sorted({entry.host for entry in config.allow})[:8]) or "none"
        raise _refused("x402-host", f"{request.host} is not among the hosts in [[x402.allow]]: {known}")
    entries = [entry for entry in entries if not entry.agents or request.agent in entry.agents]
    if not entries:
        who = f"agent {request.agent!r}" if request.agent else "the operator"
        raise _refused("x402-agent", f"{who} is not among those who may buy from {request.host}")
    return entries


def choose_offer(offers: Sequence[PaymentOffer], config: X402, request: PurchaseRequest, usdc: Usdc) -> ChosenOffer:
    """Return the cheapest offer that may be paid; raises `PolicyRefused`.

    Of several refused offers, the error describes the one that passed the most rules: where one offer is on another
    chain and the other is too expensive, the price is the reason.
    """
    found: list[ChosenOffer] = []
    closest: tuple[int, PolicyRefused] = (-1, _refused("x402-scheme", f"{request.host} offers no way to pay"))
    entries = allowed_hosts(config, request)
    for offer in offers:
        for entry in entries:
            checks = _OfferCheck(offer, entry, config, request, usdc)
            passed = 0
            try:
                for rule in _RULES:
                    rule(checks)
                    passed += 1
                found.append(checks.chosen())
            except PolicyRefused as refusal:
                if passed > closest[0]:
                    closest = passed, refusal
    if not found:
        raise closest[1]
    return min(found, key=lambda choice: choice.amount)


@dataclass(frozen=True)
class _OfferCheck:
    """One offer under one entry of `[[x402.allow]]`; each method is a rule and raises `PolicyRefused`."""

    offer: PaymentOffer
    entry: PaymentHost
    config: X402
    request: PurchaseRequest
    usdc: Usdc

    def chosen(self) -> ChosenOffer:
        """Return the offer with the values to sign."""
        offer, amount = self.offer, int(self.offer.amount)
        seconds = min(offer.seconds, MAX_VALID_SECONDS)
        return ChosenOffer(offer, checksummed(offer.pay_to), amount, self.usdc.usd(amount), seconds)

    def scheme(self) -> None:
        method = self.offer.extra.get("assetTransferMethod", "eip3009")
        if self.offer.scheme != "exact" or method != "eip3009":
            words = f"{_short(self.offer.scheme)} by {_short(method)}"
            raise self._refused("x402-scheme", f"wants to be paid {words}; only 'exact' by 'eip3009' is paid")

    def network(self) -> None:
        ours = network(self.usdc.chain_id, self.offer.version)
        if self.offer.network != ours:
            there, here = _short(self.offer.network), ours or self.usdc.chain_id
            raise self._refused("x402-network", f"wants to be paid on {there}; the chain here is {here}")

    def asset(self) -> None:
        if _address(self.offer.asset) != self.usdc.address:
            theirs = _short(self.offer.asset)
            raise self._refused("x402-asset", f"wants the token {theirs}; only USDC ({self.usdc.address}) is paid")

    def domain(self) -> None:
        ours = (self.usdc.name, self.usdc.version)
        theirs = (self.offer.extra.get("name", ours[0]), self.offer.extra.get("version", ours[1]))
        if theirs != ours:
            words = f"calls the token {_short(theirs[0])} version {_short(theirs[1])}"
            raise self._refused("x402-domain", f"{words}; its signatures say {ours[0]!r} version {ours[1]!r}")

    def recipient(self) -> None:
        recipient = _address(self.offer.pay_to)
        if recipient is None or recipient in (ZERO_ADDRESS, self.usdc.address):
            recipient_words = f"wants {_short(self.offer.pay_to)} to be paid, which is not an account"
            raise self._refused("x402-recipient", recipient_words)
        if recipient == self.request.account:
            raise self._refused("x402-recipient", "wants the buyer's own account to be paid")
        if self.request.pay_to and recipient != self.request.pay_to:
            raise self._refused("x402-recipient", f"wants {recipient} to be paid, and no longer {self.request.pay_to}")
        if self.entry.pay_to and recipient not in self.entry.pay_to:
            raise self._refused("x402-recipient", f"wants {recipient} to be paid, which its entry does not name")

    def amount(self) -> None:
        # int() alone would accept blanks, signs, underscores and the digits of other scripts.
        text = self.offer.amount
        plain = text.isascii() and text.isdecimal() and len(text) <= 78 and text == str(int(text))
        if not plain or not 0 < self.usdc.micro(int(text)) <= MAX_MICRO_USD:
            raise self._refused("x402-amount", f"asks for {_short(text)}, which is not an amount that can be paid")

    def price(self) -> None:
        amount = int(self.offer.amount)
        caps = {
            "[x402] max_usd_per_call": self.config.max_usd_per_call,
            "max_usd_per_call of its entry": self.entry.max_usd_per_call,
            "the caller's limit": self.request.max_usd,
        }
        for name, cap in caps.items():
            if cap is not None and self.usdc.micro(amount) > micro_usd(cap):
                raise self._refused("x402-price", f"asks for {self.usdc.usd(amount):f} USD; {name} is {cap:f}")

    def timeout(self) -> None:
        if self.offer.seconds < MIN_VALID_SECONDS:
            words = f"gives {self.offer.seconds} s for the payment; at least {MIN_VALID_SECONDS} are needed"
            raise self._refused("x402-timeout", words)

    def _refused(self, rule: str, words: str) -> PolicyRefused:
        return _refused(rule, f"{self.request.host} {words}")


#: In the order of their checks.
_RULES = (
    _OfferCheck.scheme,
    _OfferCheck.network,
    _OfferCheck.asset,
    _OfferCheck.domain,
    _OfferCheck.recipient,
    _OfferCheck.amount,
    _OfferCheck.price,
    _OfferCheck.timeout,
)

#: The rules of the day's totals; the store checks them while it reserves the money.
DAY_RULES = {
    "x402-per-day": "more would be spent today (UTC) than [x402] max_usd_per_day allows",
    "x402-per-agent": "the agent would spend more today (UTC) than [x402] max_usd_per_agent_per_day allows",
}


def day_refused(rule: str, host: str, usd: Decimal, spent: Decimal) -> PolicyRefused:
    """Return the refusal of a payment that would exceed a limit of the day."""
    return _refused(rule, f"{host} asks for {usd:f} USD, {spent:f} are spent or reserved, and {DAY_RULES[rule]}")


def _address(value: str) -> str | None:
    try:
        return checksummed(value)
    except ValueError:
        return None


def _short(value: Any) -> str:
    """Return a value that a seller sent, quoted and shortened for a message."""
    return repr(str(value)[:60])


def _refused(rule: str, words: str) -> PolicyRefused:
    return PolicyRefused(f"Not paid ({rule}): {words}. Nothing was signed.", rule=rule)
