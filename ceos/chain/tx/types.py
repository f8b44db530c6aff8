"""What the parts of the chain hand to each other; pure.

Addresses are EIP-55 checksummed texts, hashes and data lower-case hex with `0x`, amounts whole numbers in the smallest
unit (wei, or a token's own). Names of functions and events are written with the types and names of their arguments, as
in `transfer(address to, uint256 amount) returns (bool)`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from ceos.domain.models import Frozen

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def checksummed(value: str) -> str:
    """Return an address with its checksum (EIP-55); raises `ValueError` for what is no address or has a wrong one."""
    from eth_utils.address import is_checksum_address, to_checksum_address  # noqa: PLC0415  # heavy

    if not _ADDRESS.fullmatch(value):
        raise ValueError("an address: 0x and 40 hex digits")
    digits = value[2:]
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(value):
        raise ValueError("an address whose capital letters fit its checksum (EIP-55); copy it again")
    return str(to_checksum_address(value))


Address = Annotated[str, AfterValidator(checksummed)]
Hex = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-f]{2})*$")]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]

#: The chains whose facts we know.
BASE, BASE_SEPOLIA = 8453, 84532


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


class Log(Frozen):
    """One entry of a receipt or of `eth_getLogs`, as the node tells it."""

    address: Address
    topics: tuple[Hash, ...]
    data: Hex
    block: int
    block_hash: Hash
    tx_hash: Hash
    index: int
    removed: bool = False


class Receipt(Frozen):
    """What became of a mined transaction."""

    tx_hash: Hash
    block: int
    block_hash: Hash
    succeeded: bool
    gas_used: int
    #: Wei for each unit of gas, and for the data on L1 (0 where the node tells of none).
    gas_price: int
    l1_fee: int = 0
    logs: tuple[Log, ...] = ()


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


class Block(Frozen):
    """The head of a block."""

    number: int
    hash: Hash
    parent: Hash
    #: Unix seconds.
    timestamp: int
    base_fee: int = 0


class Fees(Frozen):
    """What a transaction may pay for each unit of gas, in wei (EIP-1559)."""

    base_fee: int
    priority: int
    max_fee: int


class BalanceChange(Frozen):
    """How a simulated transaction would change what an account has."""

    account: Address
    #: "ETH" or the token's address.
    asset: str
    symbol: str
    decimals: int
    change: int
    #: Whether a node has carried it out, or we have only read it from the transaction.
    is_simulated: bool = True


class ChainEvent(Frozen):
    """One event that a subscription follows, as hooks and strategies get it."""

    subscription: str
    #: The same for the same log, and for no other: `{block hash}:{index}`.
    id: str
    contract: Address
    #: The event's name, such as "Registered".
    name: str
    #: Its arguments by name, as JSON: numbers whole, bytes as hex, addresses checksummed. Texts are strangers'.
    args: dict[str, Any]
    block: int
    block_hash: Hash
    tx_hash: Hash
    index: int
    #: The block it was in is no longer part of the chain: what was handed over before did not happen.
    removed: bool = False
    #: It may have been handed over before: the process was killed in the midst of it. Look before you act.
    repeated: bool = False
