"""What became of a purchase, for whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ceos.chain.x402.store import PaidResponse, PurchaseRecord, PurchaseStatus


@dataclass(frozen=True)
class Purchase:
    """What became of a purchase."""

    status: PurchaseStatus
    url: str
    #: What the same purchase is asked for by.
    key: str
    #: Its id; nothing for one that was only looked at, or is free.
    id: str = ""
    agent: str = ""
    body: bytes = b""
    content_type: str = ""
    #: What it costs, and what of that was paid or may still be charged.
    usd: Decimal = Decimal(0)
    paid_usd: Decimal = Decimal(0)
    account: str = ""
    pay_to: str = ""
    #: Unix seconds until which the payment may be charged.
    valid_before: int = 0
    #: The transaction that charged it, as the seller says.
    tx: str = ""
    #: Why there is no answer, in words.
    reason: str = ""

    @property
    def is_delivered(self) -> bool:
        """Say whether there is an answer to read."""
        return self.status in (PurchaseStatus.FREE, PurchaseStatus.DELIVERED)

    @classmethod
    def of(cls, record: PurchaseRecord, answer: PaidResponse | None = None) -> Purchase:
        """Return what is stored of a purchase, with what was delivered for it."""
        plan, status = record.plan, record.status
        is_delivered = answer is not None and status is PurchaseStatus.DELIVERED
        return cls(
            status=status,
            url=plan.url,
            key=record.key,
            id=record.id,
            agent=plan.agent,
            body=answer.body if answer and is_delivered else b"",
            content_type=answer.content_type if answer and is_delivered else "",
            usd=plan.usd,
            paid_usd=Decimal(0) if status in (PurchaseStatus.PLANNED, PurchaseStatus.EXPIRED) else plan.usd,
            account=plan.account,
            pay_to=plan.pay_to,
            valid_before=plan.valid_before,
            tx=record.tx,
            reason=record.reason,
        )
