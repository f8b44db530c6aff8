"""Selling over HTTP (x402): name the price, check the payment, run the skill, have the payment carried out, answer.

    buyer asks → 402 with the terms → asks again with a payment → verified → run → answer stored → settled → answered

A payment is served once, whoever dies on the way: its own nonce names it. The same payment again gets the stored
answer; two at the same time run the skill once; and without settlement nobody gets an answer. Who comes back after a
crash between settling and noting it down is not asked to pay again: the token says whether the money has come.
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
from ceos.chain.x402.policy import LEAST_SECONDS, PaymentOffer, Version, network
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

#: How long a buyer's payment has to be good for, in seconds: longer than any skill runs.
SECONDS = 120
#: Whoever serves a payment has it for so long, in milliseconds: longer than everything together takes.
LEASE_MS = 240_000
#: So often serving one payment may fail.
FAILURES = 3

_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class SaleRequest:
    """A request that came in."""

    #: The address it came to, as buyers know it; what the price is named for.
    url: str
    headers: Mapping[str, str]
    #: The query, and the JSON body if there was one.
    query: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class SaleResponse:
    """What a buyer is answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    content_type: str = "application/json"


class _Refused(Exception):
    """The payment does not do; the reason is a word of the standard's."""


@dataclass(frozen=True)
class _Case:
    """One payment for one offer."""

    order: SaleRequest
    offer: Offer
    sold: OfferedSkill
    terms: tuple[PaymentOffer, ...]
    payment: SentPayment
    params: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What names the payment: the token takes each nonce only once of an account."""
        signed = self.payment.authorization
        return f"{self.terms[0].network}:{signed.sender.lower()}:{signed.nonce}"

    @property
    def digest(self) -> str:
        """What it is for: the same payment does not buy another thing.

        In the buyer's words: what the operator has set meanwhile changes nothing about what was bought.
        """
        asked = dict(self.order.query) if self.order.body is None else self.order.body
        try:
            told = json.dumps([self.offer.agent, self.offer.skill, asked], sort_keys=True)
        except RecursionError:
            raise InvalidInput("The parameters are nested too deeply.") from None
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def ours(self) -> PaymentOffer:
        """Our offer in the version of the payment, which was found to be for it."""
        return next(offer for offer in self.terms if offer.version == self.payment.version)

    @property
    def message(self) -> Mapping[str, Any]:
        """The payment, as the facilitator is told it.

        Made anew of what was checked here: beside it a buyer may have put a payment of another sort, and that would be
        the one that is judged and carried out.
        """
        return payment_message(self.ours, self.payment.authorization, self.payment.signature)


class Seller:
    """Sells what `[[x402.offer]]` lists."""

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
        #: Where buyers reach the web app; None where nobody has said so.
        self.public_url = public_url

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Everything on offer."""
        return tuple(self._offers.values())

    def problems(self) -> list[str]:
        """Return why what is on offer cannot be sold now, a sentence each."""
        found, names = [], set()
        for offer in self.offers:
            try:
                names = {one.network for one in self._terms(offer, self._skills.find(offer), "")}
            except CeosError as error:
                found.append(str(error))
        try:
            taken = {name for _, scheme, name in self._facilitator.supported() if scheme == "exact"}
        except CeosError as error:
            return [*found, str(error)]
        if names and not names & taken:
            found.append(f"The facilitator settles nothing on {', '.join(sorted(names))}; set X402_FACILITATOR_URL.")
        return found

    @staticmethod
    def wants_payment(headers: Mapping[str, str]) -> bool:
        """Say whether a request comes without a payment, so that naming the price is all there is to do."""
        names = {name.lower() for name in headers}
        return not names & {"payment-signature", "x-payment"}

    def serve(self, agent: str, skill: str, order: SaleRequest) -> SaleResponse:
        """Return what a buyer gets; raises `StoreUnavailable` only, everything else is an answer."""
        try:
            return self._serve(agent, skill, order)
        except NotFound as error:
            log.warning("What was asked for cannot be sold", extra=event("shop.missing", why=str(error)))
            return _error(404, "There is nothing on offer here.")
        except InvalidInput as error:
            return _error(400, str(error))
        except StoreUnavailable:
            raise
        except CeosError as error:
            log.warning("A buyer is to come again", extra=event("shop.waits", why=str(error)))
            return _error(503, "Not now; send the same request again.", {"retry-after": "10"})

    def _serve(self, agent: str, skill: str, order: SaleRequest) -> SaleResponse:
        offer = self._offers.get((agent, skill))
        if offer is None:
            raise NotFound(f"{agent[:40]!r} does not sell {skill[:40]!r}; chain.toml lists what is on offer.")
        sold = self._skills.find(offer)
        terms = self._terms(offer, sold, order.url)
        try:
            payment = read_payment(order.headers)
        except ValueError as error:
            raise InvalidInput(f"{error}.") from None
        if payment is None:
            return self._ask_for_payment(order, offer, terms, "payment_required")
        case = _Case(order, offer, sold, terms, payment, self._params(sold, order))
        try:
            self._check(case)
            return self._sell(case)
        except _Refused as refusal:
            return self._refuse(case, str(refusal))

    # The terms

    def _terms(self, offer: Offer, sold: OfferedSkill, url: str) -> tuple[PaymentOffer, ...]:
        dollar = self._token.dollar
        try:
            pay_to = offer.pay_to or self._account(offer.agent)
        except InvalidInput as error:
            # About our own settings, which are none of a buyer's business.
            raise ServiceUnavailable(str(error)) from None
        amount = str(dollar.amount(offer.usd))
        extra = {"name": dollar.name, "version": dollar.version}
        common = {
            "scheme": "exact",
            "asset": dollar.address,
            "payTo": pay_to,
            "maxTimeoutSeconds": SECONDS,
            "extra": extra,
        }
        own: dict[Version, dict[str, Any]] = {
            2: {"amount": amount},
            1: {
                "maxAmountRequired": amount,
                "resource": url,
                "description": offer.description or sold.skill.summary,
                "mimeType": "application/json",
                "outputSchema": {"input": {"type": "http", "method": "GET", "params": sold.schema()}},
            },
        }
        return tuple(
            PaymentOffer(
                version, "exact", name, dollar.address, amount, pay_to, SECONDS, extra,
                raw={**common, "network": name, **own[version]},
            )
            for version in own
            if (name := network(dollar.chain_id, version))
        )  # fmt: skip

    def _ask_for_payment(
        self, order: SaleRequest, offer: Offer, terms: tuple[PaymentOffer, ...], error: str
    ) -> SaleResponse:
        headers, body = write_terms(PaymentTerms(2, terms, error=error), order.url, offer.description)
        return SaleResponse(402, json.dumps(body).encode(), headers)

    def _params(self, sold: OfferedSkill, order: SaleRequest) -> dict[str, Any]:
        if order.body is None:
            return sold.params(sold.read_query(order.query))
        if not isinstance(order.body, dict):
            raise InvalidInput("The body is to be a JSON object with the parameters.")
        return sold.params(order.body)

    # The payment

    def _check(self, case: _Case) -> None:
        """Raise `_Refused` unless the payment is what we asked for; the facilitator judges the rest of it."""
        payment, signed = case.payment, case.payment.authorization
        ours = next((offer for offer in case.terms if offer.version == payment.version), None)
        if ours is None or payment.network != ours.network:
            raise _Refused("invalid_network")
        if payment.scheme != ours.scheme:
            raise _Refused("unsupported_scheme")
        if payment.accepted is not None and any(
            str(payment.accepted.get(name)).lower() != str(ours.raw[name]).lower()
            for name in ("amount", "asset", "payTo")
        ):
            raise _Refused("invalid_payment_requirements")
        if signed.to != ours.pay_to:
            raise _Refused("invalid_exact_evm_payload_recipient_mismatch")
        if signed.value != int(ours.amount):
            raise _Refused("invalid_exact_evm_payload_authorization_value_mismatch")

    def _check_time(self, case: _Case) -> None:
        now, signed = self._clock.now().timestamp(), case.payment.authorization
        if signed.valid_after > now:
            raise _Refused("invalid_exact_evm_payload_authorization_valid_after")
        if signed.valid_before < now + case.sold.seconds + LEAST_SECONDS:
            raise _Refused("invalid_exact_evm_payload_authorization_valid_before")

    def _sell(self, case: _Case) -> SaleResponse:
        """Serve a payment from wherever it was left."""
        token = uuid.uuid4().hex
        taken = self._payments.take(case.id, case.digest, token, LEASE_MS, FAILURES)
        if taken.state == "settled" and taken.answer:
            return self._answer(case, taken.answer, taken.tx)
        if taken.state == "busy":
            return _error(409, "This payment is being served; send it again in a moment.", {"retry-after": "5"})
        if taken.state == "other":
            raise _Refused("payment_already_used")
        if taken.state == "failed":
            raise _Refused("payment_failed_too_often")
        answer = taken.answer
        try:
            if answer is None:
                answer = self._run(case, token)
            return self._settle(case, token, answer)
        except SandboxUnavailable:
            self._payments.note(case.id, token, "free")
            raise
        except SkillError as error:
            self._payments.note(case.id, token, "failed")
            log.warning("A sold skill failed", extra=event("shop.failed", skill=case.offer.skill, why=str(error)))
            return _error(500, "The skill failed; nothing was charged.")
        except BaseException:
            # Free for the next one at once, whatever it was.
            self._payments.note(case.id, token, "free")
            raise

    def _run(self, case: _Case, token: str) -> PaidResponse:
        try:
            self._check_time(case)
            verdict = self._facilitator.verify(case.payment.version, case.message, case.ours.raw)
            if not verdict.is_valid:
                raise _Refused(verdict.reason or "invalid_payment")
        except _Refused:
            self._payments.note(case.id, token, "drop")
            raise
        if not self._payments.note(case.id, token, "verified"):
            raise ServiceUnavailable("Another payment of the account was served, and is not settled.")
        # Named by the payment: a second attempt after a crash counts its own costs, not the first one's again.
        value = self._skills.run(case.sold, case.params, call=f"x402:{case.payment.authorization.nonce[2:18]}:{token}")
        answer = PaidResponse(status=200, content_type="application/json", body=json.dumps(value).encode())
        if not self._payments.note(case.id, token, "answered", answer=answer):
            # Settling now would charge for what nobody remembers.
            raise ServiceUnavailable("Serving a payment took so long that it is somebody else's now.")
        return answer

    def _settle(self, case: _Case, token: str, answer: PaidResponse) -> SaleResponse:
        unknown: OutcomeUnknown | None = None
        try:
            settled = self._facilitator.settle(case.payment.version, case.message, case.ours.raw)
        except OutcomeUnknown as error:
            unknown, settled = error, Settlement(success=False)
        tx = settled.transaction if _HASH.fullmatch(settled.transaction) else ""
        if not (settled.success and tx):
            # It may have been carried out by us before a crash, or by somebody else: what counts is the money.
            tx = self._token.payment(case.payment.authorization) or ""
            if not tx:
                if settled.success:
                    unknown = OutcomeUnknown(
                        "The facilitator names no transaction for a payment that it calls settled."
                    )
                raise unknown or _Refused(settled.reason or "unexpected_settle_error")
        self._payments.note(case.id, token, "settled", tx=tx)
        fields = event("shop.sold", agent=case.offer.agent, skill=case.offer.skill, usd=str(case.offer.usd), tx=tx)
        log.info("Sold", extra=fields)
        return self._answer(case, answer, tx)

    # The answers

    def _answer(self, case: _Case, answer: PaidResponse, tx: str) -> SaleResponse:
        payment = case.payment
        headers = write_outcome(
            payment.version,
            success=True,
            network=payment.network,
            transaction=tx,
            payer=payment.authorization.sender,
        )
        return SaleResponse(answer.status, answer.body, headers, answer.content_type)

    def _refuse(self, case: _Case, reason: str) -> SaleResponse:
        payment = case.payment
        log.info("Payment refused", extra=event("shop.refused", skill=case.offer.skill, reason=reason))
        asked = self._ask_for_payment(case.order, case.offer, case.terms, reason)
        outcome = write_outcome(
            payment.version,
            success=False,
            network=payment.network,
            payer=payment.authorization.sender,
            reason=reason,
        )
        return SaleResponse(402, asked.body, {**asked.headers, **outcome})


def _error(status: int, words: str, headers: Mapping[str, str] | None = None) -> SaleResponse:
    return SaleResponse(status, json.dumps({"ok": False, "error": words}).encode(), headers or {})
