"""The result of a purchase, for its caller."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ceos.chain.x402.store import PaidResponse, PurchaseRecord, PurchaseStatus


@dataclass(frozen=True)
class Purchase:
    """The result of a purchase."""

    status: PurchaseStatus
    url: str
    #: The same key is the same purchase.
    key: str
    #: Empty for a dry run and for a free resource.
    id: str = ""
    agent: str = ""
    body: bytes = b""
    content_type: str = ""
    #: The price, and the part of it that was charged or may still be.
    usd: Decimal = Decimal(0)
    paid_usd: Decimal = Decimal(0)
    account: str = ""
    pay_to: str = ""
    #: Unix seconds until which the payment may be charged.
    valid_before: int = 0
    #: The transaction that charged it, as reported by the seller.
    tx: str = ""
    #: Why there is no response.
    reason: str = ""

    @property
    def is_delivered(self) -> bool:
        """Say whether there is a response to read."""
        return self.status in (PurchaseStatus.FREE, PurchaseStatus.DELIVERED)

    @classmethod
    def of(cls, record: PurchaseRecord, response: PaidResponse | None = None) -> Purchase:
        """Return the result of a stored purchase, with its response."""
        plan, status = record.plan, record.status
        is_delivered = response is not None and status is PurchaseStatus.DELIVERED
        return cls(
            status=status,
            url=plan.url,
            key=record.key,
            id=record.id,
            agent=plan.agent,
            body=response.body if response and is_delivered else b"",
            content_type=response.content_type if response and is_delivered else "",
            usd=plan.usd,
            paid_usd=Decimal(0) if status in (PurchaseStatus.PLANNED, PurchaseStatus.EXPIRED) else plan.usd,
            account=plan.account,
            pay_to=plan.pay_to,
            valid_before=plan.valid_before,
            tx=record.tx,
            reason=record.reason,
        )
