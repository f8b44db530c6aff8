"""Payments over HTTP (x402) in Redis: what was bought, once each and within the day's caps, and what was sold.

The keys are in the map at the head of `store.py`. A purchase is stored before it is signed, and its signature before it
is sent; so whoever comes after a crash signs the same again or sends the same again, and pays once.
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

#: What the id of a purchase begins with.
PAY = "pay/"
#: How many purchases are listed at most, and how long the record of one is kept, in seconds.
LISTED, KEEP_SECONDS = 500, 90 * 86_400
#: How long what a seller answered is kept, and how long what we sold is, in seconds.
ANSWER_SECONDS, SOLD_SECONDS = 7 * 86_400, 7 * 86_400
#: How long what nobody has paid for is kept; for so long, too, the chain is searched for a payment.
UNPAID_SECONDS = 3600


def pay_id(chain_id: int, key: str) -> str:
    """Return the id of the purchase that `key` stands for."""
    return PAY + hashlib.sha256(f"{chain_id}:{key}".encode()).hexdigest()[:16]


def url_digest(url: str) -> str:
    """Return what tells one address from another; lists show it without its query, where secrets travel."""
    return hashlib.sha256(url.encode()).hexdigest()


class PurchaseStatus(StrEnum):
    """How far a purchase has come."""

    #: Only looked at: nothing is stored, signed or paid.
    PLANNED = "planned"
    #: The seller wants nothing for it.
    FREE = "free"
    #: The money is set aside; nothing was sent.
    RESERVED = "reserved"
    #: The payment is signed; it may have been sent, and may be charged until it expires.
    SIGNED = "signed"
    #: The seller did not want the payment; it may be charged until it expires.
    REFUSED = "refused"
    #: The seller has the money, and we have not the answer.
    UNDELIVERED = "undelivered"
    #: Paid and answered.
    DELIVERED = "delivered"
    #: Never charged, and can no longer be.
    EXPIRED = "expired"


#: What may still be charged, and what may still be sent.
OPEN = (PurchaseStatus.RESERVED, PurchaseStatus.SIGNED, PurchaseStatus.REFUSED)


class PaymentPlan(Frozen):
    """What is to be signed for a purchase: decided once, and never changed."""

    host: str
    #: Without its query, and the digest of all of it.
    url: str
    url_digest: str
    agent: str
    account: Address
    version: Version
    offer: PaymentOffer
    #: What the seller says of the thing, to be sent back.
    resource: dict[str, Any] | None
    pay_to: Address
    amount: int
    usd: Decimal
    #: Unix seconds.
    valid_before: int
    nonce: Hash

    @classmethod
    def of(cls, choice: ChosenOffer, **fields: Any) -> PaymentPlan:
        """Return the plan to take an offer."""
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
    """What is set aside for a purchase, and what the day allows, in micro-USD."""

    #: The UTC day, YYYYMMDD.
    day: str
    micro: int
    most: int
    #: Of the agent; None where it has no cap of its own.
    most_own: int | None = None


class PurchaseRecord(Frozen):
    """A purchase as it is stored."""

    id: str
    key: str
    plan: PaymentPlan
    status: PurchaseStatus
    at: AwareDatetime
    reason: str = ""
    #: The transaction that charged it, as the seller says.
    tx: str = ""
    #: Whoever has it can have the payment carried out: it goes to nobody but the seller.
    signature: str = Field(default="", repr=False)

    @classmethod
    def planned(cls, plan: PaymentPlan, key: str, at: dt.datetime) -> PurchaseRecord:
        """Return what a purchase would be; it is stored nowhere."""
        return cls(id="", key=key, plan=plan, status=PurchaseStatus.PLANNED, at=at)


class PaidResponse(Frozen):
    """What a seller sent for the money, or what a buyer was sent."""

    status: int
    content_type: str
    body: bytes = Field(repr=False)

    def packed(self) -> str:
        """Return it as it is kept."""
        return json.dumps([self.status, self.content_type, base64.b64encode(self.body).decode()])

    @classmethod
    def unpacked(cls, text: str) -> PaidResponse:
        """Return what was packed."""
        status, content_type, body = json.loads(text)
        return cls(status=status, content_type=content_type, body=base64.b64decode(body))


class ClaimedPayment(Frozen):
    """What there is about a payment that a buyer has sent."""

    #: taken, verified, answered, settled, busy, other or failed: see `lua/payment_take.lua`.
    state: str
    answer: PaidResponse | None = None
    tx: str = ""


class PaymentStore:
    """Purchases and sales in Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    # What we buy

    def open(self, name: str, key: str, plan: PaymentPlan, aside: PaymentReservation) -> PurchaseRecord:
        """Set the money aside and store the plan, or return the purchase that is there already.

        Raises `PolicyRefused` when it does not fit into the day.
        """
        most_own = "" if aside.most_own is None else aside.most_own
        answer, spent = self._database.run_script(
            "payment_open", name, aside.day, plan.agent, aside.micro, aside.most, most_own, plan.model_dump_json(),
            key, KEEP_SECONDS, LISTED,
        )  # fmt: skip
        if answer not in ("opened", "known"):
            raise day_refused(str(answer), plan.host, plan.usd, Decimal(int(spent)).scaleb(-6).normalize())
        return self.record(name)

    def check(self, plan: PaymentPlan, aside: PaymentReservation) -> None:
        """Raise `PolicyRefused` for what would not fit into the day now; nothing is set aside."""
        spent = self.spent(aside.day)
        caps = {"x402-per-day": ("total", aside.most), "x402-per-agent": (f"a:{plan.agent}", aside.most_own)}
        for rule, (name, most) in caps.items():
            if most is not None and spent.get(name, 0) + aside.micro > most:
                raise day_refused(rule, plan.host, plan.usd, Decimal(spent.get(name, 0)).scaleb(-6).normalize())

    def find(self, name: str) -> PurchaseRecord | None:
        """Return a purchase, or None if there is none of that id."""
        with redis_errors():
            fields = cast("dict[str, str]", self._client.hgetall(f"ceos:{name}"))
        return _record(name, fields) if fields else None

    def record(self, name: str) -> PurchaseRecord:
        """Return a purchase; raises `NotFound`."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"No purchase {name[:40]!r}; 'ceos chain purchases' lists the last ones.")
        return found

    def recent(self, count: int = LISTED) -> list[PurchaseRecord]:
        """Return the last purchases, newest first."""
        with redis_errors():
            names = cast("list[str]", self._client.zrange("ceos:pays", 0, count - 1, desc=True))
            pipe = self._client.pipeline(transaction=False)
            for name in names:
                pipe.hgetall(f"ceos:{name}")
            rows = pipe.execute() if names else []
        return [_record(name, fields) for name, fields in zip(names, rows, strict=True) if fields]

    def spent(self, day: str) -> dict[str, int]:
        """Return the micro-USD that a UTC day has cost so far: of all (`total`), and of each agent (`a:{agent}`)."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:pay-spent:{day}"))
        return {name: int(amount) for name, amount in rows.items()}

    def move(
        self, record: PurchaseRecord, status: PurchaseStatus, *, come_from: Sequence[PurchaseStatus], **fields: str
    ) -> PurchaseRecord:
        """Note how far a purchase has come, unless it is further already; return its record as it is now."""
        allowed = " ".join(come_from)
        self._database.run_script("payment_move", record.id, allowed, status, json.dumps(fields))
        return self.record(record.id)

    def keep_answer(self, record: PurchaseRecord, answer: PaidResponse) -> None:
        """Keep what the seller sent, for whoever asks under the same key."""
        with redis_errors():
            self._client.set(f"ceos:pay-answer:{record.id}", answer.packed(), ex=ANSWER_SECONDS)

    def answer(self, record: PurchaseRecord) -> PaidResponse | None:
        """Return what the seller sent, or None when it is not kept any more."""
        with redis_errors():
            found = cast("str | None", self._client.get(f"ceos:pay-answer:{record.id}"))
        return PaidResponse.unpacked(found) if found else None

    # What we sell

    def take(self, payment: str, digest: str, token: str, lease_ms: int, most_failures: int) -> ClaimedPayment:
        """Take a payment that a buyer has sent, so that nobody else serves it meanwhile."""
        state, *rest = self._database.run_script("payment_take", payment, digest, token, lease_ms, most_failures)
        kept, tx = (*map(str, rest), "", "")[:2]
        return ClaimedPayment(state=str(state), answer=PaidResponse.unpacked(kept) if kept else None, tx=tx)

    def note(self, payment: str, token: str, what: str, *, answer: PaidResponse | None = None, tx: str = "") -> bool:
        """Note how far one came with a payment, see `lua/payment_serve.lua`; return whether it was still theirs."""
        packed, keep = answer.packed() if answer else "", SOLD_SECONDS if what == "settled" else UNPAID_SECONDS
        return bool(self._database.run_script("payment_serve", payment, token, what, packed, tx, keep))


def check_key(key: str) -> None:
    """Raise `InvalidInput` for what cannot be the key of a purchase."""
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


def payment_nonce(dollar: Usdc, account: str, key: str) -> str:
    """Return the nonce of the payment for a purchase.

    It follows from the key alone: should Redis lose the record, the token itself refuses to pay for it again.
    """
    text = f"ceos:x402:{dollar.chain_id}:{dollar.address}:{account}:{key}"
    return "0x" + hashlib.sha256(text.encode()).hexdigest()
