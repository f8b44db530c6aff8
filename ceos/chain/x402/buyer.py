"""Buying over HTTP (x402): ask for the price, check it, sign one payment, and complete the purchase.

A purchase has a key and at most one payment. The message to sign is decided once and stored while the money is
reserved; the signature is stored before it is sent; every later attempt sends the same bytes. A seller that asks again,
asks for more, breaks off or does not answer gets no second payment: the token is asked whether the first was charged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ceos.chain.config.models import X402
from ceos.chain.due_queue import DueQueue
from ceos.chain.tx.wallets import Wallets
from ceos.chain.x402.policy import ChosenOffer, PurchaseRequest, allowed_hosts, choose_offer, micro_usd, network
from ceos.chain.x402.purchase import Purchase
from ceos.chain.x402.store import (
    OPEN,
    PaidResponse,
    PaymentPlan,
    PaymentReservation,
    PaymentStore,
    PurchaseRecord,
    PurchaseStatus,
    check_key,
    pay_id,
    payment_nonce,
    url_digest,
)
from ceos.chain.x402.usdc import UsdcToken
from ceos.chain.x402.wire import AUTHORIZATION, Authorization, PaymentTerms, read_outcome, read_terms, write_payment
from ceos.clients.http import safe_fetch
from ceos.clients.http.api import error_for
from ceos.clients.http.safe_fetch import Reply
from ceos.clients.http.ssrf import Address, read_address, without_secrets
from ceos.clock import Clock
from ceos.errors import (
    HostRefused,
    InvalidInput,
    KeyRefused,
    PolicyRefused,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
)
from ceos.evm.types import checksummed
from ceos.logs import event
from ceos.runs.budget import utc_day

log = logging.getLogger(__name__)

#: The longest response that is read, in bytes.
MAX_RESPONSE_BYTES = 2**20
#: The longest time for a seller to name its price, and to deliver, in seconds.
PRICE_SECONDS, DELIVERY_SECONDS = 15.0, 60.0
#: How often a payment is sent without an answer, and the wait between two attempts, in seconds.
MAX_ATTEMPTS, RETRY_SECONDS = 3, 2.0
#: A payment that is not charged this long after its expiry never will be, in seconds.
GRACE_SECONDS = 60


class FetchOnce(Protocol):
    """One HTTP request to one host; see `safe_fetch.ask`."""

    def __call__(
        self, url: str, *, hosts: list[str], max_bytes: int, deadline: float, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return the host's reply; raises `HostRefused`."""


@dataclass(frozen=True)
class _Attempt:
    """The result of sending a payment."""

    response: PaidResponse | None = None
    tx: str = ""
    reason: str = ""
    #: Whether the seller refused the payment.
    is_refused: bool = False


@dataclass(kw_only=True, eq=False)
class Buyer:
    """Buys for agents and the operator within the limits of `[x402]`."""

    token: UsdcToken
    wallets: Wallets
    payments: PaymentStore
    config: X402
    due_queue: DueQueue
    clock: Clock
    fetch: FetchOnce = safe_fetch.ask
    sleep: Callable[[float], None] = time.sleep
    #: Returns the reason of the halt switch, or None while it is off.
    panic: Callable[[], str | None] = lambda: None

    def buy(
        self,
        url: str,
        *,
        agent: str = "",
        key: str,
        max_usd: Decimal | None = None,
        pay_to: str = "",
        dry_run: bool = False,
    ) -> Purchase:
        """Return the resource at an address, and pay for it if the seller asks for that and the rules allow it.

        The same `key` is the same purchase: it is paid once, and a later call returns the stored response. A dry run
        returns the price, and signs and stores nothing. With `pay_to`, no other account is paid.

        Raises `PolicyRefused` with the rule, `HostRefused` where the seller cannot be reached, or a `ServiceError`.
        None of them is raised once the payment is signed: then a change of the rules or the wallet no longer matters.
        """
        check_key(key)
        address = _address(url)

        def request() -> PurchaseRequest:
            return PurchaseRequest(address.host, agent, self.wallets.address(agent), max_usd, pay_to)

        record = self.payments.find_purchase(pay_id(self.token.chain_id, key))
        if record is None:
            allowed_hosts(self.config, request())
            reply = self._ask_price(address)
            if reply.status != 402:
                return _unpaid(address, key, reply)
            plan = self._plan(address, request(), key, reply)
            if dry_run:
                return self._preview(plan, key)
            record = self._reserve(plan, key)
        self._check_same(record, address, agent)
        return self._result(record) if dry_run else self._resume(record, address, request)

    def recent(self, count: int = 20) -> list[Purchase]:
        """Return the last purchases, newest first, without their responses."""
        return [Purchase.of(record) for record in self.payments.recent_purchases(count)]

    def spent_today(self, agent: str | None = None) -> Decimal:
        """Return the USD paid or reserved on this UTC day: in all, or of an agent."""
        spent = self.payments.spent_on(self._today())
        return Decimal(spent.get("total" if agent is None else f"a:{agent}", 0)).scaleb(-6).normalize()

    def handle(self, task_id: str) -> None:
        """Settle a purchase whose payment can no longer be charged; a due task of the chain."""
        record = self.payments.find_purchase(task_id)
        if record is None or record.status not in OPEN:
            self.due_queue.remove(task_id)
            return
        left = record.plan.valid_before + GRACE_SECONDS - self._now()
        if left > 0:
            self.due_queue.postpone(task_id, left)
        elif self._reconcile(record).status in OPEN:
            self.due_queue.postpone(task_id, GRACE_SECONDS)
        else:
            self.due_queue.remove(task_id)

    # Before the signature

    def _ask_price(self, address: Address) -> Reply:
        deadline = time.monotonic() + PRICE_SECONDS
        return self.fetch(address.url, hosts=[address.host], max_bytes=MAX_RESPONSE_BYTES, deadline=deadline)

    def _plan(self, address: Address, request: PurchaseRequest, key: str, reply: Reply) -> PaymentPlan:
        try:
            terms = read_terms(reply.headers, reply.body)
        except ValueError as error:
            raise RequestRefused(f"{address.host} wants to be paid, but {error}.", status=402) from None
        usdc = self.token.usdc
        choice = choose_offer(terms.offers, self.config, request, usdc)
        # The look-up of the balance also verifies that the node belongs to the configured chain.
        self._check_funds(request.account, choice)
        return PaymentPlan.of(
            choice,
            host=address.host,
            url=without_secrets(address.url),
            url_digest=url_digest(address.url),
            agent=request.agent,
            account=request.account,
            resource=None if terms.resource is None else dict(terms.resource),
            valid_before=self._now() + choice.seconds,
            nonce=payment_nonce(usdc, request.account, key),
        )

    def _check_funds(self, account: str, choice: ChosenOffer) -> None:
        balance = self.token.balance(account)
        if balance < choice.amount:
            has = self.token.usdc.usd(balance)
            raise RequestRefused(f"{account} has {has:f} USDC, and the price is {choice.usd:f}. Nothing was signed.")

    def _reservation(self, plan: PaymentPlan) -> PaymentReservation:
        limit = self.config.max_usd_per_agent_per_day if plan.agent else None
        return PaymentReservation(
            day=self._today(),
            amount=self.token.usdc.micro(plan.amount),
            max_total=micro_usd(self.config.max_usd_per_day),
            max_agent=None if limit is None else micro_usd(limit),
        )

    def _reserve(self, plan: PaymentPlan, key: str) -> PurchaseRecord:
        name = pay_id(self.token.chain_id, key)
        record = self.payments.open_purchase(name, key, plan, self._reservation(plan))
        # Queued before it is signed, so that a purchase whose process dies is settled later.
        self.due_queue.add(name)
        return record

    def _preview(self, plan: PaymentPlan, key: str) -> Purchase:
        self.payments.check_day(plan, self._reservation(plan))
        return Purchase.of(PurchaseRecord.planned(plan, key, self.clock.now()))

    def _check_same(self, record: PurchaseRecord, address: Address, agent: str) -> None:
        plan = record.plan
        if (plan.url_digest, plan.agent) != (url_digest(address.url), agent):
            who = f"agent {plan.agent!r}" if plan.agent else "the operator"
            raise InvalidInput(
                f"The key {record.key!r} belongs to another purchase ({plan.url}, for {who}); use another key."
            )

    # From the signature on

    def _resume(self, record: PurchaseRecord, address: Address, request: Callable[[], PurchaseRequest]) -> Purchase:
        """Complete a purchase as far as possible, from any status."""
        is_late = self._now() >= record.plan.valid_before
        if record.status in OPEN and is_late:
            record = self._reconcile(record)
        if record.status is PurchaseStatus.RESERVED:
            record = self._sign(record, request())
        can_be_charged = record.status in (PurchaseStatus.SIGNED, PurchaseStatus.REFUSED) and not is_late
        if can_be_charged or record.status is PurchaseStatus.UNDELIVERED:
            return self._request_delivery(record, address)
        return self._result(record)

    def _sign(self, record: PurchaseRecord, request: PurchaseRequest) -> PurchaseRecord:
        if reason := self.panic():
            raise ServiceUnavailable(f"PANIC: nothing is paid ({reason}); 'ceos unpanic' resumes payments.")
        plan, usdc = record.plan, self.token.usdc
        # The plan may be old, and the rules may have changed since.
        choice = choose_offer([plan.offer], self.config, request, usdc)
        if (choice.pay_to, choice.amount, request.account) != (plan.pay_to, plan.amount, plan.account):
            raise KeyRefused(f"{record.id} was to be paid by {plan.account}, which is no longer the account here.")
        # An earlier process may have died before it queued the purchase.
        self.due_queue.add(record.id)
        message = _authorization(plan).message()
        signature = self.wallets.sign_typed_data(plan.agent, usdc.domain(), AUTHORIZATION, message)
        record = self.payments.move_purchase(
            record, PurchaseStatus.SIGNED, come_from=[PurchaseStatus.RESERVED], sig=signature
        )
        log.info(
            "Payment signed",
            extra=event("x402.signed", pay=record.id, host=plan.host, usd=str(plan.usd), agent=plan.agent),
        )
        return record

    def _request_delivery(self, record: PurchaseRecord, address: Address) -> Purchase:
        sent = self._send_payment(record, address)
        come_from = [PurchaseStatus.SIGNED, PurchaseStatus.REFUSED, PurchaseStatus.UNDELIVERED]
        if sent.response:
            self.payments.save_response(record, sent.response)
            record = self.payments.move_purchase(
                record, PurchaseStatus.DELIVERED, come_from=come_from, tx=sent.tx, why=sent.reason
            )
            self.due_queue.remove(record.id)
            log.info("Purchase delivered", extra=event("x402.delivered", pay=record.id, tx=sent.tx))
            return Purchase.of(record, sent.response)
        if record.status in OPEN:
            status = PurchaseStatus.REFUSED if sent.is_refused else PurchaseStatus.SIGNED
            record = self.payments.move_purchase(record, status, come_from=come_from[:2], why=sent.reason)
            record = self._reconcile(record)
        log.warning(
            "Paid for, but not delivered",
            extra=event("x402.undelivered", pay=record.id, status=str(record.status), reason=record.reason),
        )
        return self._result(record)

    def _send_payment(self, record: PurchaseRecord, address: Address) -> _Attempt:
        """Send the payment until there is an answer: always the same payment, and only to the seller."""
        plan = record.plan
        terms = PaymentTerms(plan.version, (plan.offer,), plan.resource)
        name, value = write_payment(terms, plan.offer, _authorization(plan), record.signature)
        attempt = _Attempt()
        for number in range(MAX_ATTEMPTS):
            if number:
                self.sleep(RETRY_SECONDS)
            deadline = time.monotonic() + DELIVERY_SECONDS
            try:
                reply = self.fetch(
                    address.url,
                    hosts=[address.host],
                    max_bytes=MAX_RESPONSE_BYTES,
                    deadline=deadline,
                    headers={name: value},
                )
            except HostRefused as error:
                attempt = _Attempt(reason=str(error))
                continue
            attempt = _read_attempt(address.host, reply)
            if attempt.response or attempt.is_refused:
                break
        return attempt

    def _reconcile(self, record: PurchaseRecord) -> PurchaseRecord:
        """Update a purchase by what the token says of its payment; without an answer, nothing changes."""
        plan = record.plan
        if record.status is PurchaseStatus.RESERVED:
            # A payment is sent only after it was stored as signed.
            return self.payments.move_purchase(
                record, PurchaseStatus.EXPIRED, come_from=[record.status], why="it was not sent"
            )
        try:
            self._check_token(plan)
            state = self.token.authorization_state(plan.account, plan.nonce)
        except (PolicyRefused, ServiceError) as error:
            log.warning("The state of a payment is unknown", extra=event("x402.unknown", pay=record.id, why=str(error)))
            return record
        if state.is_used:
            why = record.reason or "the payment was charged, but no answer came"
            return self.payments.move_purchase(record, PurchaseStatus.UNDELIVERED, come_from=OPEN, why=why)
        if state.timestamp < plan.valid_before + GRACE_SECONDS:
            return record
        log.info("Payment expired uncharged", extra=event("x402.expired", pay=record.id))
        why = record.reason or "the payment was never charged"
        return self.payments.move_purchase(record, PurchaseStatus.EXPIRED, come_from=OPEN, why=why)

    def _check_token(self, plan: PaymentPlan) -> None:
        usdc = self.token.usdc
        if (plan.offer.network, checksummed(plan.offer.asset)) != (network(usdc.chain_id, plan.version), usdc.address):
            raise PolicyRefused(
                f"It was signed for {plan.offer.asset} on {plan.offer.network}, which is no longer the USDC here.",
                rule="x402-asset",
            )

    def _result(self, record: PurchaseRecord) -> Purchase:
        response = self.payments.response(record)
        if record.status is PurchaseStatus.DELIVERED and response is None:
            record = record.model_copy(update={"reason": "the response is no longer stored"})
        return Purchase.of(record, response)

    def _now(self) -> int:
        return int(self.clock.now().timestamp())

    def _today(self) -> str:
        return utc_day(self.clock.now())


def _address(url: str) -> Address:
    address = read_address(url)
    if address.scheme != "https":
        raise PolicyRefused(f"Not paid (x402-host): {address.host} has to be asked over https.", rule="x402-host")
    return address


def _unpaid(address: Address, key: str, reply: Reply) -> Purchase:
    """Return a resource that the seller delivers without a payment; raises a `ServiceError` for any other reply."""
    host = address.host
    if 200 <= reply.status < 300:
        content_type = reply.headers.get("content-type", "")
        url = without_secrets(address.url)
        return Purchase(PurchaseStatus.FREE, url, key, body=reply.body, content_type=content_type)
    if 300 <= reply.status < 400:
        raise RequestRefused(f"{host} redirects to another address; ask for that one.", status=reply.status)
    raise error_for(reply.status, f"{host} answered {reply.status} when asked for its price.", "read")


def _read_attempt(host: str, reply: Reply) -> _Attempt:
    """Return the meaning of a seller's reply to a payment."""
    outcome = read_outcome(reply.headers)
    if 200 <= reply.status < 300:
        content_type = reply.headers.get("content-type", "")[:200]
        response = PaidResponse(status=reply.status, content_type=content_type, body=reply.body)
        return _Attempt(response, outcome.transaction if outcome else "")
    reason = outcome.reason if outcome else ""
    if reply.status == 402 and not reason:
        try:
            reason = read_terms(reply.headers, reply.body).error
        except ValueError:
            reason = ""
    text = f"{host} answered {reply.status} to the payment" + (f": {reason}" if reason else "")
    return _Attempt(reason=text, is_refused=300 <= reply.status < 500 and reply.status not in (408, 409, 425, 429))


def _authorization(plan: PaymentPlan) -> Authorization:
    return Authorization(plan.account, plan.pay_to, plan.amount, 0, plan.valid_before, plan.nonce)
