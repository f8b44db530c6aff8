"""Transactions as requested and as recorded; pure."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field, computed_field

from ceos.domain.base import Frozen
from ceos.evm.types import Address, Hash, Hex, Receipt


class TxRequest(Frozen):
    """A transaction to send; it never changes once it is submitted."""

    chain_id: int
    to: Address
    data: Hex = "0x"
    #: The wei sent with it.
    value: int = Field(default=0, ge=0)
    #: The agent that sends it; empty for the operator.
    agent: str = ""
    #: A description for the operator.
    purpose: str = ""


class TxStatus(StrEnum):
    """The state of a transaction."""

    #: Allowed and simulated, not signed.
    PLANNED = "planned"
    #: Waits for a person's approval.
    REVIEW = "review"
    #: Signed and stored; it may have been sent any number of times.
    SIGNED = "signed"
    #: In a block that a re-org may still remove.
    MINED = "mined"
    #: End states: confirmed, confirmed but reverted, never executed, rejected, not approved in time.
    FINAL = "final"
    REVERTED = "reverted"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_over(self) -> bool:
        """Say whether this is an end state."""
        return self in TX_ENDS


TX_ENDS = frozenset({TxStatus.FINAL, TxStatus.REVERTED, TxStatus.FAILED, TxStatus.REJECTED, TxStatus.EXPIRED})


class Tx(Frozen):
    """The record of one transaction."""

    #: `tx/` and 16 hex digits of the hash of `key`.
    id: str
    #: The caller's name for it: submitting the same key again never creates a second transaction.
    key: str
    request: TxRequest
    status: TxStatus
    #: The reason why it waits or ended, in a sentence.
    reason: str = ""
    #: The account that sends it.
    account: Address
    created_at: AwareDatetime
    nonce: int | None = None
    #: The hashes of all signed versions, oldest first: a stuck version is replaced by one with a higher fee.
    hashes: tuple[Hash, ...] = ()
    #: The version that was mined.
    hash: Hash | None = None
    block: int | None = None
    block_hash: Hash | None = None
    #: The actual cost in wei: fee, L1 fee and, if it succeeded, the value; None until it is mined.
    cost_wei: int | None = None
    #: The maximum cost of the latest version, in wei.
    max_cost_wei: int | None = None
    #: The receipt; None until it is mined.
    receipt: Receipt | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def worst_wei(self) -> int | None:
        """The former name of `max_cost_wei` in JSON; it goes with the next release."""
        return self.max_cost_wei

    @property
    def is_done(self) -> bool:
        """Say whether it succeeded in a block; a re-org may still undo it before it is final."""
        return self.receipt is not None and self.receipt.succeeded and self.status in (TxStatus.MINED, TxStatus.FINAL)
