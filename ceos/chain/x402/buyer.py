"""Buying over HTTP (x402): ask, judge the price, sign one payment, and see it through whatever the seller does.

A purchase has a key, and one payment, ever. What is signed is decided once and stored with the money set aside; the
signature is stored before it is sent; everything after that sends the same bytes. A seller that asks again, asks for
more, breaks off or says nothing gets no second one: the token itself is asked what became of the first.
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
from ceos.chain.x402.policy import ChosenOffer, PurchaseRequest, allowed_hosts, choose, micro_usd, network
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
from ceos.clients.http import safe_fetch as guarded
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

#: The longest answer that is taken, in bytes.
ANSWER_BYTES = 2**20
#: How long a seller may take to name its price, and to deliver, in seconds.
ASK_SECONDS, PAID_SECONDS = 15.0, 60.0
#: How often a payment is sent while no answer comes, and the wait before it is sent again, in seconds.
ATTEMPTS, AGAIN_SECONDS = 3, 2.0
#: A payment that was not used by so many seconds after its end never will be.
GRACE_SECONDS = 60


class FetchOnce(Protocol):
    """Asks one host for one address; see `guarded.ask`."""

    def __call__(
        self, url: str, *, hosts: list[str], max_bytes: int, deadline: float, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return what the host answers; raises `HostRefused`."""


@dataclass(frozen=True)
class _Sent:
    """What came of sending a payment."""

    answer: PaidResponse | None = None
    tx: str = ""
    reason: str = ""
    #: The seller has said that it does not want it.
    is_refused: bool = False


class Buyer:
    """Buys for agents and the operator, as far as `[x402]` allows."""

    def __init__(
        self,
        token: UsdcToken,
        wallets: Wallets,
        payments: PaymentStore,
        config: X402,
        *,
        due_queue: DueQueue,
        clock: Clock,
        fetch: FetchOnce = guarded.ask,
        sleep: Callable[[float], None] = time.sleep,
        panic: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._token = token
        self._wallets = wallets
        self._payments = payments
        self._config = config
        self._due_queue = due_queue
        self._clock = clock
        self._fetch = fetch
        self._sleep = sleep
        self._panic = panic

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
        """Return what is at an address, and pay for it if the seller wants that and the rules allow it.

        The same `key` is the same purchase: it is paid once, and what was paid for is told again. A dry run tells the
        price, and signs and stores nothing. With `pay_to` nobody else is paid. Raises `PolicyRefused` with the rule,
        `HostRefused` where the seller cannot be asked, or a `ServiceError`; none of them once a payment is signed: what
        the rules or the wallet say then changes nothing any more.
        """
        check_key(key)
        address = _address(url)

        def buyer() -> PurchaseRequest:
            return PurchaseRequest(address.host, agent, self._wallets.address(agent), max_usd, pay_to)

        record = self._payments.find(pay_id(self._token.chain_id, key))
        if record is None:
            allowed_hosts(self._config, buyer())
            reply = self._ask(address)
            if reply.status != 402:
                return _unpaid(address, key, reply)
            plan = self._plan(address, buyer(), key, reply)
            if dry_run:
                return self._preview(plan, key)
            record = self._open(plan, key)
        self._check_same(record, address, agent)
        return self._told(record) if dry_run else self._carry_on(record, address, buyer)

    def recent(self, count: int = 20) -> list[Purchase]:
        """Return the last purchases, newest first, without what was delivered."""
        return [Purchase.of(record) for record in self._payments.recent(count)]

    def spent_today(self, agent: str | None = None) -> Decimal:
        """Return what this UTC day has cost, or set aside: in all, or of an agent."""
        spent = self._payments.spent(self._today())
        return Decimal(spent.get("total" if agent is None else f"a:{agent}", 0)).scaleb(-6).normalize()

    def work(self, name: str) -> None:
        """See what became of a payment that nobody has heard of, once it can no longer be charged (the due queue's)."""
        record = self._payments.find(name)
        if record is None or record.status not in OPEN:
            self._due_queue.remove(name)
            return
        left = record.plan.valid_before + GRACE_SECONDS - self._now()
        if left > 0:
            self._due_queue.postpone(name, left)
        elif self._look(record).status in OPEN:
            self._due_queue.postpone(name, GRACE_SECONDS)
        else:
            self._due_queue.remove(name)

    # Before anything is signed

    def _ask(self, address: Address) -> Reply:
        deadline = time.monotonic() + ASK_SECONDS
        return self._fetch(address.url, hosts=[address.host], max_bytes=ANSWER_BYTES, deadline=deadline)

    def _plan(self, address: Address, buyer: PurchaseRequest, key: str, reply: Reply) -> PaymentPlan:
        try:
            terms = read_terms(reply.headers, reply.body)
        except ValueError as error:
            raise RequestRefused(f"{address.host} wants to be paid, but {error}.", status=402) from None
        dollar = self._token.dollar
        choice = choose(terms.offers, self._config, buyer, dollar)
        # This also makes sure that the node belongs to our chain.
        self._check_funds(buyer.account, choice)
        return PaymentPlan.of(
            choice,
            host=address.host,
            url=without_secrets(address.url),
            url_digest=url_digest(address.url),
            agent=buyer.agent,
            account=buyer.account,
            resource=None if terms.resource is None else dict(terms.resource),
            valid_before=self._now() + choice.seconds,
            nonce=payment_nonce(dollar, buyer.account, key),
        )

    def _check_funds(self, account: str, choice: ChosenOffer) -> None:
        balance = self._token.balance(account)
        if balance < choice.amount:
            has = self._token.dollar.usd(balance)
            raise RequestRefused(f"{account} has {has:f} USDC, and {choice.usd:f} are asked for. Nothing was signed.")

    def _aside(self, plan: PaymentPlan) -> PaymentReservation:
        own = self._config.max_usd_per_agent_per_day if plan.agent else None
        return PaymentReservation(
            day=self._today(),
            micro=self._token.dollar.micro(plan.amount),
            most=micro_usd(self._config.max_usd_per_day),
            most_own=None if own is None else micro_usd(own),
        )

    def _open(self, plan: PaymentPlan, key: str) -> PurchaseRecord:
        name = pay_id(self._token.chain_id, key)
        record = self._payments.open(name, key, plan, self._aside(plan))
        # Before it is signed: a crash after that must leave somebody who looks.
        self._due_queue.add(name)
        return record

    def _preview(self, plan: PaymentPlan, key: str) -> Purchase:
        self._payments.check(plan, self._aside(plan))
        return Purchase.of(PurchaseRecord.planned(plan, key, self._clock.now()))

    def _check_same(self, record: PurchaseRecord, address: Address, agent: str) -> None:
        plan = record.plan
        if (plan.url_digest, plan.agent) != (url_digest(address.url), agent):
            who = f"agent {plan.agent!r}" if plan.agent else "the operator"
            raise InvalidInput(
                f"The key {record.key!r} stands for another purchase already ({plan.url}, for {who}); use another key."
            )

    # Seeing it through

    def _carry_on(self, record: PurchaseRecord, address: Address, buyer: Callable[[], PurchaseRequest]) -> Purchase:
        """Bring a purchase as far as it goes, from wherever it was left."""
        is_late = self._now() >= record.plan.valid_before
        if record.status in OPEN and is_late:
            record = self._look(record)
        if record.status is PurchaseStatus.RESERVED:
            record = self._sign(record, buyer())
        can_be_charged = record.status in (PurchaseStatus.SIGNED, PurchaseStatus.REFUSED) and not is_late
        if can_be_charged or record.status is PurchaseStatus.UNDELIVERED:
            return self._deliver(record, address)
        return self._told(record)

    def _sign(self, record: PurchaseRecord, buyer: PurchaseRequest) -> PurchaseRecord:
        if reason := self._panic():
            raise ServiceUnavailable(f"PANIC: nothing is paid ({reason}); 'ceos unpanic' lets it go on.")
        plan, dollar = record.plan, self._token.dollar
        # What was decided may have waited, and the rules may have changed since.
        choice = choose([plan.offer], self._config, buyer, dollar)
        if (choice.pay_to, choice.amount, buyer.account) != (plan.pay_to, plan.amount, plan.account):
            raise KeyRefused(f"{record.id} was to be paid by {plan.account}, which is not the account here any more.")
        # A crash before may have kept it off the due queue.
        self._due_queue.add(record.id)
        message = _authorization(plan).message()
        signature = self._wallets.sign_typed_data(plan.agent, dollar.domain(), AUTHORIZATION, message)
        record = self._payments.move(record, PurchaseStatus.SIGNED, come_from=[PurchaseStatus.RESERVED], sig=signature)
        log.info(
            "Payment signed",
            extra=event("x402.signed", pay=record.id, host=plan.host, usd=str(plan.usd), agent=plan.agent),
        )
        return record

    def _deliver(self, record: PurchaseRecord, address: Address) -> Purchase:
        sent = self._send(record, address)
        come_from = [PurchaseStatus.SIGNED, PurchaseStatus.REFUSED, PurchaseStatus.UNDELIVERED]
        if sent.answer:
            self._payments.keep_answer(record, sent.answer)
            record = self._payments.move(
                record, PurchaseStatus.DELIVERED, come_from=come_from, tx=sent.tx, why=sent.reason
            )
            self._due_queue.remove(record.id)
            log.info("Purchase delivered", extra=event("x402.delivered", pay=record.id, tx=sent.tx))
            return Purchase.of(record, sent.answer)
        if record.status in OPEN:
            status = PurchaseStatus.REFUSED if sent.is_refused else PurchaseStatus.SIGNED
            record = self._payments.move(record, status, come_from=come_from[:2], why=sent.reason)
            record = self._look(record)
        log.warning(
            "Paid for, but not delivered",
            extra=event("x402.undelivered", pay=record.id, status=str(record.status), reason=record.reason),
        )
        return self._told(record)

    def _send(self, record: PurchaseRecord, address: Address) -> _Sent:
        """Send the payment until there is an answer: always the same one, and to nobody else."""
        plan = record.plan
        terms = PaymentTerms(plan.version, (plan.offer,), plan.resource)
        name, value = write_payment(terms, plan.offer, _authorization(plan), record.signature)
        sent = _Sent()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(AGAIN_SECONDS)
            deadline = time.monotonic() + PAID_SECONDS
            try:
                reply = self._fetch(
                    address.url, hosts=[address.host], max_bytes=ANSWER_BYTES, deadline=deadline, headers={name: value}
                )
            except HostRefused as error:
                sent = _Sent(reason=str(error))
                continue
            sent = _sent(address.host, reply)
            if sent.answer or sent.is_refused:
                break
        return sent

    def _look(self, record: PurchaseRecord) -> PurchaseRecord:
        """Ask the token what became of a payment, and note it; without an answer, nothing changes."""
        plan = record.plan
        if record.status is PurchaseStatus.RESERVED:
            # Only what is stored as signed is ever sent.
            return self._payments.move(record, PurchaseStatus.EXPIRED, come_from=[record.status], why="it was not sent")
        try:
            self._check_token(plan)
            seen = self._token.state(plan.account, plan.nonce)
        except (PolicyRefused, ServiceError) as error:
            log.warning(
                "Nobody says what became of a payment", extra=event("x402.unknown", pay=record.id, why=str(error))
            )
            return record
        if seen.is_used:
            why = record.reason or "the payment was charged, but no answer came"
            return self._payments.move(record, PurchaseStatus.UNDELIVERED, come_from=OPEN, why=why)
        if seen.timestamp < plan.valid_before + GRACE_SECONDS:
            return record
        log.info("Payment expired uncharged", extra=event("x402.expired", pay=record.id))
        why = record.reason or "the payment was never charged"
        return self._payments.move(record, PurchaseStatus.EXPIRED, come_from=OPEN, why=why)

    def _check_token(self, plan: PaymentPlan) -> None:
        dollar = self._token.dollar
        if (plan.offer.network, checksummed(plan.offer.asset)) != (
            network(dollar.chain_id, plan.version),
            dollar.address,
        ):
            raise PolicyRefused(
                f"It was signed for {plan.offer.asset} on {plan.offer.network}, which is not the USDC here any more.",
                rule="x402-asset",
            )

    def _told(self, record: PurchaseRecord) -> Purchase:
        answer = self._payments.answer(record)
        if record.status is PurchaseStatus.DELIVERED and answer is None:
            record = record.model_copy(update={"reason": "what was delivered is no longer kept"})
        return Purchase.of(record, answer)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _today(self) -> str:
        return utc_day(self._clock.now())


def _address(url: str) -> Address:
    address = read_address(url)
    if address.scheme != "https":
        raise PolicyRefused(f"Not paid (x402-host): {address.host} is to be asked over https only.", rule="x402-host")
    return address


def _unpaid(address: Address, key: str, reply: Reply) -> Purchase:
    """Return what a seller gives for nothing; raises a `ServiceError` for anything else."""
    host = address.host
    if 200 <= reply.status < 300:
        content_type = reply.headers.get("content-type", "")
        url = without_secrets(address.url)
        return Purchase(PurchaseStatus.FREE, url, key, body=reply.body, content_type=content_type)
    if 300 <= reply.status < 400:
        raise RequestRefused(f"{host} redirects to another address; ask for that one.", status=reply.status)
    raise error_for(reply.status, f"{host} answered {reply.status} when asked for its price.", "read")


def _sent(host: str, reply: Reply) -> _Sent:
    """Return what a seller's answer to a payment means."""
    outcome = read_outcome(reply.headers)
    if 200 <= reply.status < 300:
        answer = PaidResponse(
            status=reply.status, content_type=reply.headers.get("content-type", "")[:200], body=reply.body
        )
        return _Sent(answer, outcome.transaction if outcome else "")
    reason = outcome.reason if outcome else ""
    if reply.status == 402 and not reason:
        try:
            reason = read_terms(reply.headers, reply.body).error
        except ValueError:
            reason = ""
    words = f"{host} answered {reply.status} to the payment" + (f": {reason}" if reason else "")
    return _Sent(reason=words, is_refused=300 <= reply.status < 500 and reply.status not in (408, 409, 425, 429))


def _authorization(plan: PaymentPlan) -> Authorization:
    return Authorization(plan.account, plan.pay_to, plan.amount, 0, plan.valid_before, plan.nonce)
