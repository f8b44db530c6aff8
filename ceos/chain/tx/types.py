"""Transactions as the operator asks for them and as they are recorded; pure."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from ceos.domain.base import Frozen
from ceos.evm.types import (
    Address,
    Hash,
    Hex,
    Receipt,
)


class TxRequest(Frozen):
    """A transaction that somebody wants sent; nothing of it changes any more."""

    chain_id: int
    to: Address
    data: Hex = "0x"
    #: Wei that go with it.
    value: int = Field(default=0, ge=0)
    #: The agent for which it is, or nothing for the operator's own.
    agent: str = ""
    #: What it is for, in words for the operator.
    purpose: str = ""


class TxStatus(StrEnum):
    """How far a transaction has come."""

    #: Allowed and simulated; nothing is signed.
    PLANNED = "planned"
    #: Waits for a person.
    REVIEW = "review"
    #: Signed and stored; it may have been sent, any number of times.
    SIGNED = "signed"
    #: In a block that a re-org may still remove.
    MINED = "mined"
    #: Ends: deep enough and carried out, deep enough and reverted, never sent, not approved.
    FINAL = "final"
    REVERTED = "reverted"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_over(self) -> bool:
        """Say whether nothing more happens to it."""
        return self in TX_ENDS


TX_ENDS = frozenset({TxStatus.FINAL, TxStatus.REVERTED, TxStatus.FAILED, TxStatus.REJECTED, TxStatus.EXPIRED})


class Tx(Frozen):
    """The record of one transaction."""

    #: `tx/` and 16 hex digits of the hash of `key`.
    id: str
    #: What makes it this transaction and no other: the same key never leads to a second one.
    key: str
    request: TxRequest
    status: TxStatus
    #: Why it waits or ended, in a sentence.
    reason: str = ""
    #: The account that sends it.
    account: Address
    created_at: AwareDatetime
    nonce: int | None = None
    #: Of every version that was signed, oldest first: a stuck one is replaced by one with a higher fee.
    hashes: tuple[Hash, ...] = ()
    #: The version that was mined.
    hash: Hash | None = None
    block: int | None = None
    block_hash: Hash | None = None
    #: What it cost in wei: fee, L1 fee and, if it was carried out, value; None until it is mined.
    cost_wei: int | None = None
    #: The most it may cost, in wei, as of the last version.
    worst_wei: int | None = None
    #: What became of it in its block; None until it is mined.
    receipt: Receipt | None = None

    @property
    def is_done(self) -> bool:
        """Say whether it is in a block and was carried out there; a re-org may still undo one that is not final."""
        return self.receipt is not None and self.receipt.succeeded and self.status in (TxStatus.MINED, TxStatus.FINAL)
