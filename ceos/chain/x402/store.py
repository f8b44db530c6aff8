"""Purchases and sales over HTTP (x402) in Redis; the keys are in the map at the head of `storage/__init__.py`.

A purchase is stored before it is signed, and its signature before it is sent. After a crash the same message is signed
again, or the same signature is sent again, so a purchase is paid once.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from pydantic import AwareDatetime, Field

from ceos.chain.x402.policy import ChosenOffer, PaymentOffer, Usdc, Version, day_refused
from ceos.domain.base import Frozen
from ceos.errors import InvalidInput, NotFound
from ceos.evm.types import Address, Hash
from ceos.storage.connection import Database, redis_errors

#: The ids of purchases begin with this.
PAY = "pay/"
#: How many purchases are listed at most, and how long the record of one is kept, in seconds.
MAX_LISTED, PURCHASE_SECONDS = 500, 90 * 86_400
#: How long the response to a purchase and a settled sale are kept, in seconds.
RESPONSE_SECONDS, SOLD_SECONDS = 7 * 86_400, 7 * 86_400
#: How long a sale that is not settled is kept, in seconds; the chain is searched for its payment for as long.
UNPAID_SECONDS = 3600


def pay_id(chain_id: int, key: str) -> str:
    """Return the id of the purchase that `key` stands for."""
    return PAY + hashlib.sha256(f"{chain_id}:{key}".encode()).hexdigest()[:16]


def url_digest(url: str) -> str:
    """Return a digest of a whole address; the address itself is stored without its query, which may hold secrets."""
    return hashlib.sha256(url.encode()).hexdigest()


class PurchaseStatus(StrEnum):
    """The status of a purchase."""

    #: A dry run: nothing is stored, signed or paid.
    PLANNED = "planned"
    #: The seller asks for no payment.
    FREE = "free"
    #: The money is reserved; nothing was sent.
    RESERVED = "reserved"
    #: The payment is signed; it may have been sent, and may be charged until it expires.
    SIGNED = "signed"
    #: The seller refused the payment; it may be charged until it expires.
    REFUSED = "refused"
    #: The payment was charged, and no response was received.
    UNDELIVERED = "undelivered"
    #: The payment was charged, and a response was received.
    DELIVERED = "delivered"
    #: The payment was not charged and can no longer be.
    EXPIRED = "expired"


#: The statuses in which a payment may still be charged.
OPEN = (PurchaseStatus.RESERVED, PurchaseStatus.SIGNED, PurchaseStatus.REFUSED)


class PaymentPlan(Frozen):
    """The payment of a purchase: decided once, and never changed."""

    host: str
    #: Without its query; the digest is of the whole address.
    url: str
    url_digest: str
    agent: str
    account: Address
    version: Version
    offer: PaymentOffer
    #: The seller's description of the resource, to be returned with the payment.
    resource: dict[str, Any] | None
    pay_to: Address
    amount: int
    usd: Decimal
    #: Unix seconds.
    valid_before: int
    nonce: Hash

    @classmethod
    def of(cls, choice: ChosenOffer, **fields: Any) -> PaymentPlan:
        """Return the plan that pays a chosen offer."""
        return cls(
            version=choice.offer.version,
            offer=choice.offer,
            pay_to=choice.pay_to,
            amount=choice.amount,
            usd=choice.usd,
            **fields,
        )


@dataclass(frozen=True)
class PaymentReservation:
    """The amount to reserve for a purchase, and the limits of the day, in micro-USD."""

    #: The UTC day, YYYYMMDD.
    day: str
    amount: int
    max_total: int
    #: None where the agent has no limit of its own.
    max_agent: int | None = None


class PurchaseRecord(Frozen):
    """The record of a purchase."""

    id: str
    key: str
    plan: PaymentPlan
    status: PurchaseStatus
    at: AwareDatetime
    reason: str = ""
    #: The transaction that charged it, as reported by the seller.
    tx: str = ""
    #: Anyone who has it can charge the payment, so it is sent to the seller only.
    signature: str = Field(default="", repr=False)

    @classmethod
    def planned(cls, plan: PaymentPlan, key: str, at: dt.datetime) -> PurchaseRecord:
        """Return the record of a dry run, which is not stored."""
        return cls(id="", key=key, plan=plan, status=PurchaseStatus.PLANNED, at=at)


class PaidResponse(Frozen):
    """The response to a paid request, received or sent."""

    status: int
    content_type: str
    body: bytes = Field(repr=False)

    def packed(self) -> str:
        """Return the stored form."""
        return json.dumps([self.status, self.content_type, base64.b64encode(self.body).decode()])

    @classmethod
    def unpacked(cls, text: str) -> PaidResponse:
        """Return a response from its stored form."""
        status, content_type, body = json.loads(text)
        return cls(status=status, content_type=content_type, body=base64.b64decode(body))


class ClaimedPayment(Frozen):
    """The state of a buyer's payment when it is claimed."""

    #: taken, verified, answered, settled, busy, other or failed: see `lua/payment_take.lua`.
    state: str
    response: PaidResponse | None = None
    tx: str = ""


class PaymentStore:
    """Purchases and sales in Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    # Purchases

    def open_purchase(self, name: str, key: str, plan: PaymentPlan, reservation: PaymentReservation) -> PurchaseRecord:
        """Reserve the money and store the plan, or return the purchase of that key that exists already.

        Raises `PolicyRefused` when it would exceed a limit of the day.
        """
        max_agent = "" if reservation.max_agent is None else reservation.max_agent
        answer, spent = self._database.run_script(
            "payment_open", name, reservation.day, plan.agent, reservation.amount, reservation.max_total, max_agent,
            plan.model_dump_json(), key, PURCHASE_SECONDS, MAX_LISTED,
        )  # fmt: skip
        if answer not in ("opened", "known"):
            raise day_refused(str(answer), plan.host, plan.usd, Decimal(int(spent)).scaleb(-6).normalize())
        return self.purchase(name)

    def check_day(self, plan: PaymentPlan, reservation: PaymentReservation) -> None:
        """Raise `PolicyRefused` for a purchase that would exceed a limit of the day now; nothing is reserved."""
        spent = self.spent_on(reservation.day)
        limits = {
            "x402-per-day": ("total", reservation.max_total),
            "x402-per-agent": (f"a:{plan.agent}", reservation.max_agent),
        }
        for rule, (name, limit) in limits.items():
            if limit is not None and spent.get(name, 0) + reservation.amount > limit:
                raise day_refused(rule, plan.host, plan.usd, Decimal(spent.get(name, 0)).scaleb(-6).normalize())

    def find_purchase(self, name: str) -> PurchaseRecord | None:
        """Return the purchase of an id, or None."""
        with redis_errors():
            fields = cast("dict[str, str]", self._client.hgetall(f"ceos:{name}"))
        return _record(name, fields) if fields else None

    def purchase(self, name: str) -> PurchaseRecord:
        """Return the purchase of an id; raises `NotFound`."""
        found = self.find_purchase(name)
        if found is None:
            raise NotFound(f"No purchase {name[:40]!r}; 'ceos chain purchases' lists the last ones.")
        return found

    def recent_purchases(self, count: int = MAX_LISTED) -> list[PurchaseRecord]:
        """Return the last purchases, newest first."""
        with redis_errors():
            names = cast("list[str]", self._client.zrange("ceos:pays", 0, count - 1, desc=True))
            pipe = self._client.pipeline(transaction=False)
            for name in names:
                pipe.hgetall(f"ceos:{name}")
            rows = pipe.execute() if names else []
        return [_record(name, fields) for name, fields in zip(names, rows, strict=True) if fields]

    def spent_on(self, day: str) -> dict[str, int]:
        """Return the micro-USD paid or reserved on a UTC day: of all (`total`), and of each agent (`a:{agent}`)."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:pay-spent:{day}"))
        return {name: int(amount) for name, amount in rows.items()}

    def move_purchase(
        self, record: PurchaseRecord, status: PurchaseStatus, *, come_from: Sequence[PurchaseStatus], **fields: str
    ) -> PurchaseRecord:
        """Give a purchase another status if it still has one of `come_from`; return its record."""
        self._database.run_script("payment_move", record.id, " ".join(come_from), status, json.dumps(fields))
        return self.purchase(record.id)

    def save_response(self, record: PurchaseRecord, response: PaidResponse) -> None:
        """Store the seller's response, for later calls with the same key."""
        with redis_errors():
            self._client.set(f"ceos:pay-answer:{record.id}", response.packed(), ex=RESPONSE_SECONDS)

    def response(self, record: PurchaseRecord) -> PaidResponse | None:
        """Return the seller's response, or None when it is no longer stored."""
        with redis_errors():
            found = cast("str | None", self._client.get(f"ceos:pay-answer:{record.id}"))
        return PaidResponse.unpacked(found) if found else None

    # Sales

    def claim_payment(self, payment: str, digest: str, token: str, lease_ms: int, max_failures: int) -> ClaimedPayment:
        """Claim a buyer's payment, so that no other process serves it at the same time."""
        state, *rest = self._database.run_script("payment_take", payment, digest, token, lease_ms, max_failures)
        kept, tx = (*map(str, rest), "", "")[:2]
        return ClaimedPayment(state=str(state), response=PaidResponse.unpacked(kept) if kept else None, tx=tx)

    def record_sale(
        self, payment: str, token: str, progress: str, *, response: PaidResponse | None = None, tx: str = ""
    ) -> bool:
        """Record the progress of a sale, see `lua/payment_serve.lua`; return whether the claim is still held."""
        packed, keep = response.packed() if response else "", SOLD_SECONDS if progress == "settled" else UNPAID_SECONDS
        return bool(self._database.run_script("payment_serve", payment, token, progress, packed, tx, keep))


def check_key(key: str) -> None:
    """Raise `InvalidInput` for a string that cannot be the key of a purchase."""
    if not key or len(key) > 200 or not key.isprintable():
        raise InvalidInput(f"{key[:50]!r} cannot be the key of a purchase: use 1 to 200 plain characters.")


def _record(name: str, fields: Mapping[str, str]) -> PurchaseRecord:
    return PurchaseRecord(
        id=name,
        key=fields["key"],
        plan=PaymentPlan.model_validate_json(fields["plan"]),
        status=PurchaseStatus(fields["st"]),
        at=dt.datetime.fromtimestamp(int(fields["at"]) / 1000, dt.UTC),
        reason=fields.get("why", ""),
        tx=fields.get("tx", ""),
        signature=fields.get("sig", ""),
    )


def payment_nonce(usdc: Usdc, account: str, key: str) -> str:
    """Return the nonce of the payment for a purchase.

    It follows from the key, so that the token itself refuses a second payment when Redis has lost the record.
    """
    text = f"ceos:x402:{usdc.chain_id}:{usdc.address}:{account}:{key}"
    return "0x" + hashlib.sha256(text.encode()).hexdigest()
