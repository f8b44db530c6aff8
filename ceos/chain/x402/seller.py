"""Selling over HTTP (x402): state the price, verify the payment, run the skill, settle the payment, respond.

    request → 402 with the terms → request with a payment → verify → run → store the response → settle → respond

A payment, named by its nonce, is served once despite crashes. The same payment again gets the stored response, two
requests at the same time run the skill once, and without a settlement there is no response. After a crash between the
settlement and its record, the buyer does not pay again, because the token is asked whether the payment was charged.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ceos.chain.config.models import Offer
from ceos.chain.x402.facilitator import Facilitator, Settlement
from ceos.chain.x402.policy import MIN_VALID_SECONDS, PaymentOffer, Version, network
from ceos.chain.x402.skill_offers import OfferedSkill, SkillOffers
from ceos.chain.x402.store import PaidResponse, PaymentStore
from ceos.chain.x402.usdc import UsdcToken
from ceos.chain.x402.wire import PaymentTerms, SentPayment, payment_message, read_payment, write_outcome, write_terms
from ceos.clock import Clock
from ceos.errors import (
    CeosError,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    SandboxUnavailable,
    ServiceUnavailable,
    SkillError,
    StoreUnavailable,
)
from ceos.logs import event

log = logging.getLogger(__name__)

#: How long a buyer's payment has to be valid, in seconds: longer than any skill runs.
VALID_SECONDS = 120
#: The lease on a payment, in milliseconds: longer than verifying, running and settling together.
LEASE_MS = 240_000
#: How often the skill may fail for one payment.
MAX_FAILURES = 3

_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class SaleRequest:
    """A request of a buyer."""

    #: The address of the resource, as buyers know it.
    url: str
    headers: Mapping[str, str]
    #: The query, and the JSON body if there was one.
    query: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class SaleResponse:
    """The response to a buyer."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    content_type: str = "application/json"


class _PaymentRefused(Exception):
    """The payment is not accepted; the reason is a code of the standard."""


@dataclass(frozen=True)
class _Sale:
    """One payment for one offer."""

    request: SaleRequest
    offer: Offer
    skill: OfferedSkill
    terms: tuple[PaymentOffer, ...]
    payment: SentPayment
    params: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id of the payment: the token accepts each nonce of an account once."""
        signed = self.payment.authorization
        return f"{self.terms[0].network}:{signed.sender.lower()}:{signed.nonce}"

    @property
    def digest(self) -> str:
        """A digest of what is bought, because a payment must not buy two things.

        It covers the buyer's own parameters only, so that a change by the operator does not make it another purchase.
        """
        asked = dict(self.request.query) if self.request.body is None else self.request.body
        try:
            text = json.dumps([self.offer.agent, self.offer.skill, asked], sort_keys=True)
        except RecursionError:
            raise InvalidInput("The parameters are nested too deeply.") from None
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def ours(self) -> PaymentOffer:
        """Our offer in the version of the payment."""
        return next(offer for offer in self.terms if offer.version == self.payment.version)

    @property
    def message(self) -> Mapping[str, Any]:
        """The payment in the form of the facilitator.

        It is built from the checked fields, because a buyer could add a second payment of another kind to the message,
        which the facilitator would then verify and settle.
        """
        return payment_message(self.ours, self.payment.authorization, self.payment.signature)


class Seller:
    """Sells the skills of `[[x402.offer]]`."""

    def __init__(
        self,
        offers: tuple[Offer, ...],
        skills: SkillOffers,
        token: UsdcToken,
        payments: PaymentStore,
        facilitator: Facilitator,
        *,
        account: Callable[[str], str],
        clock: Clock,
        public_url: str | None = None,
    ) -> None:
        self._offers = {(offer.agent, offer.skill): offer for offer in offers}
        self._skills = skills
        self._token = token
        self._payments = payments
        self._facilitator = facilitator
        self._account = account
        self._clock = clock
        #: The address at which buyers reach the web app; None when it is not configured.
        self.public_url = public_url

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All offers."""
        return tuple(self._offers.values())

    def problems(self) -> list[str]:
        """Return the reasons why offers cannot be sold now, a sentence each."""
        found, names = [], set()
        for offer in self.offers:
            try:
                names = {one.network for one in self._terms(offer, self._skills.offered_skill(offer), "")}
            except CeosError as error:
                found.append(str(error))
        try:
            supported = {name for _, scheme, name in self._facilitator.supported() if scheme == "exact"}
        except CeosError as error:
            return [*found, str(error)]
        if names and not names & supported:
            found.append(f"The facilitator does not settle on {', '.join(sorted(names))}; set X402_FACILITATOR_URL.")
        return found

    @staticmethod
    def has_payment(headers: Mapping[str, str]) -> bool:
        """Say whether a request comes with a payment; without one, only the price is returned."""
        return not {name.lower() for name in headers}.isdisjoint(("payment-signature", "x-payment"))

    def serve(self, agent: str, skill: str, request: SaleRequest) -> SaleResponse:
        """Return the response to a buyer; raises only `StoreUnavailable`."""
        try:
            return self._serve(agent, skill, request)
        except NotFound as error:
            log.warning("A requested skill cannot be sold", extra=event("shop.missing", why=str(error)))
            return _error(404, "There is no offer at this address.")
        except InvalidInput as error:
            return _error(400, str(error))
        except StoreUnavailable:
            raise
        except CeosError as error:
            log.warning("A buyer has to repeat a request", extra=event("shop.waits", why=str(error)))
            return _error(503, "Not available now; send the same request again.", {"retry-after": "10"})

    def _serve(self, agent: str, name: str, request: SaleRequest) -> SaleResponse:
        offer = self._offers.get((agent, name))
        if offer is None:
            raise NotFound(f"{agent[:40]!r} does not sell {name[:40]!r}; the offers are in chain.toml.")
        skill = self._skills.offered_skill(offer)
        terms = self._terms(offer, skill, request.url)
        try:
            payment = read_payment(request.headers)
        except ValueError as error:
            raise InvalidInput(f"{error}.") from None
        if payment is None:
            return _ask_for_payment(request, offer, terms, "payment_required")
        sale = _Sale(request, offer, skill, terms, payment, _parameters(skill, request))
        try:
            self._check(sale)
            return self._sell(sale)
        except _PaymentRefused as refusal:
            return _refuse(sale, str(refusal))

    def _terms(self, offer: Offer, skill: OfferedSkill, url: str) -> tuple[PaymentOffer, ...]:
        usdc = self._token.usdc
        try:
            pay_to = offer.pay_to or self._account(offer.agent)
        except InvalidInput as error:
            # The message is about our own settings, which buyers must not see.
            raise ServiceUnavailable(str(error)) from None
        amount = str(usdc.amount(offer.usd))
        extra = {"name": usdc.name, "version": usdc.version}
        common = {
            "scheme": "exact",
            "asset": usdc.address,
            "payTo": pay_to,
            "maxTimeoutSeconds": VALID_SECONDS,
            "extra": extra,
        }
        by_version: dict[Version, dict[str, Any]] = {
            2: {"amount": amount},
            1: {
                "maxAmountRequired": amount,
                "resource": url,
                "description": offer.description or skill.skill.summary,
                "mimeType": "application/json",
                "outputSchema": {"input": {"type": "http", "method": "GET", "params": skill.schema()}},
            },
        }
        return tuple(
            PaymentOffer(
                version, "exact", name, usdc.address, amount, pay_to, VALID_SECONDS, extra,
                raw={**common, "network": name, **own},
            )
            for version, own in by_version.items()
            if (name := network(usdc.chain_id, version))
        )  # fmt: skip

    # The payment

    def _check(self, sale: _Sale) -> None:
        """Raise `_PaymentRefused` unless the payment matches the offer; the facilitator verifies its signature."""
        payment, signed = sale.payment, sale.payment.authorization
        ours = next((offer for offer in sale.terms if offer.version == payment.version), None)
        if ours is None or payment.network != ours.network:
            raise _PaymentRefused("invalid_network")
        if payment.scheme != ours.scheme:
            raise _PaymentRefused("unsupported_scheme")
        if payment.accepted is not None and any(
            str(payment.accepted.get(name)).lower() != str(ours.raw[name]).lower()
            for name in ("amount", "asset", "payTo")
        ):
            raise _PaymentRefused("invalid_payment_requirements")
        if signed.to != ours.pay_to:
            raise _PaymentRefused("invalid_exact_evm_payload_recipient_mismatch")
        if signed.value != int(ours.amount):
            raise _PaymentRefused("invalid_exact_evm_payload_authorization_value_mismatch")

    def _check_time(self, sale: _Sale) -> None:
        now, signed = self._clock.now().timestamp(), sale.payment.authorization
        if signed.valid_after > now:
            raise _PaymentRefused("invalid_exact_evm_payload_authorization_valid_after")
        if signed.valid_before < now + sale.skill.seconds + MIN_VALID_SECONDS:
            raise _PaymentRefused("invalid_exact_evm_payload_authorization_valid_before")

    def _sell(self, sale: _Sale) -> SaleResponse:
        """Serve a payment from any state."""
        token = uuid.uuid4().hex
        claimed = self._payments.claim_payment(sale.id, sale.digest, token, LEASE_MS, MAX_FAILURES)
        if claimed.state == "settled" and claimed.response:
            return _deliver(sale, claimed.response, claimed.tx)
        if claimed.state == "busy":
            return _error(409, "This payment is being served; send it again in a moment.", {"retry-after": "5"})
        if claimed.state == "other":
            raise _PaymentRefused("payment_already_used")
        if claimed.state == "failed":
            raise _PaymentRefused("payment_failed_too_often")
        try:
            return self._settle(sale, token, claimed.response or self._run(sale, token))
        except SandboxUnavailable:
            self._payments.record_sale(sale.id, token, "free")
            raise
        except SkillError as error:
            self._payments.record_sale(sale.id, token, "failed")
            log.warning("A sold skill failed", extra=event("shop.failed", skill=sale.offer.skill, why=str(error)))
            return _error(500, "The skill failed; nothing was charged.")
        except BaseException:
            # The next request may claim the payment at once, whatever the error was.
            self._payments.record_sale(sale.id, token, "free")
            raise

    def _run(self, sale: _Sale, token: str) -> PaidResponse:
        try:
            self._check_time(sale)
            verdict = self._facilitator.verify(sale.payment.version, sale.message, sale.ours.raw)
            if not verdict.is_valid:
                raise _PaymentRefused(verdict.reason or "invalid_payment")
        except _PaymentRefused:
            self._payments.record_sale(sale.id, token, "drop")
            raise
        if not self._payments.record_sale(sale.id, token, "verified"):
            raise ServiceUnavailable("Another payment of the account was served and is not settled.")
        # The token is part of the id, so that a second attempt after a crash reserves its own costs.
        call = f"x402:{sale.payment.authorization.nonce[2:18]}:{token}"
        value = self._skills.run_offered(sale.skill, sale.params, call=call)
        response = PaidResponse(status=200, content_type="application/json", body=json.dumps(value).encode())
        if not self._payments.record_sale(sale.id, token, "answered", response=response):
            # Settling now would charge for a response that is not stored.
            raise ServiceUnavailable("Serving a payment took longer than its lease.")
        return response

    def _settle(self, sale: _Sale, token: str, response: PaidResponse) -> SaleResponse:
        unknown: OutcomeUnknown | None = None
        try:
            settled = self._facilitator.settle(sale.payment.version, sale.message, sale.ours.raw)
        except OutcomeUnknown as error:
            unknown, settled = error, Settlement(success=False)
        tx = settled.transaction if _HASH.fullmatch(settled.transaction) else ""
        if not (settled.success and tx):
            # The payment may have been settled before a crash, or by a third party: the transfer is what counts.
            tx = self._token.find_payment(sale.payment.authorization) or ""
            if not tx:
                if settled.success:
                    unknown = OutcomeUnknown("The facilitator reports a settlement without its transaction.")
                raise unknown or _PaymentRefused(settled.reason or "unexpected_settle_error")
        self._payments.record_sale(sale.id, token, "settled", tx=tx)
        fields = event("shop.sold", agent=sale.offer.agent, skill=sale.offer.skill, usd=str(sale.offer.usd), tx=tx)
        log.info("Sold", extra=fields)
        return _deliver(sale, response, tx)


# Responses


def _parameters(skill: OfferedSkill, request: SaleRequest) -> dict[str, Any]:
    if request.body is None:
        return skill.params(skill.read_query(request.query))
    if not isinstance(request.body, dict):
        raise InvalidInput("The body has to be a JSON object with the parameters.")
    return skill.params(request.body)


def _ask_for_payment(request: SaleRequest, offer: Offer, terms: tuple[PaymentOffer, ...], error: str) -> SaleResponse:
    headers, body = write_terms(PaymentTerms(2, terms, error=error), request.url, offer.description)
    return SaleResponse(402, json.dumps(body).encode(), headers)


def _deliver(sale: _Sale, response: PaidResponse, tx: str) -> SaleResponse:
    payment = sale.payment
    headers = write_outcome(
        payment.version,
        success=True,
        network=payment.network,
        transaction=tx,
        payer=payment.authorization.sender,
    )
    return SaleResponse(response.status, response.body, headers, response.content_type)


def _refuse(sale: _Sale, reason: str) -> SaleResponse:
    payment = sale.payment
    log.info("Payment refused", extra=event("shop.refused", skill=sale.offer.skill, reason=reason))
    asked = _ask_for_payment(sale.request, sale.offer, sale.terms, reason)
    outcome = write_outcome(
        payment.version,
        success=False,
        network=payment.network,
        payer=payment.authorization.sender,
        reason=reason,
    )
    return SaleResponse(402, asked.body, {**asked.headers, **outcome})


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> SaleResponse:
    return SaleResponse(status, json.dumps({"ok": False, "error": message}).encode(), headers or {})
