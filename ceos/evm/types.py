"""Addresses, logs, receipts, blocks and fees, as the client returns them.

Addresses are EIP-55 checksummed strings, hashes and data lower-case hex with `0x`, amounts whole numbers in the
smallest unit (wei, or that of a token). Functions and events are written with the types and names of their arguments,
as in `transfer(address to, uint256 amount) returns (bool)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def checksummed(value: str) -> str:
    """Return an address with its checksum (EIP-55); raises `ValueError` for no address or a wrong checksum."""
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

#: The ids of the chains whose contracts are built in.
BASE, BASE_SEPOLIA = 8453, 84532


class EvmRecord(BaseModel):
    """Base of every record of the client: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Log(EvmRecord):
    """One log of a receipt or of `eth_getLogs`."""

    address: Address
    topics: tuple[Hash, ...]
    data: Hex
    block: int
    block_hash: Hash
    tx_hash: Hash
    index: int
    removed: bool = False


class Receipt(EvmRecord):
    """The outcome of a mined transaction."""

    tx_hash: Hash
    block: int
    block_hash: Hash
    succeeded: bool
    gas_used: int
    #: Wei for each unit of gas, and for the data on L1 (0 where the node reports none).
    gas_price: int
    l1_fee: int = 0
    logs: tuple[Log, ...] = ()


class Block(EvmRecord):
    """The header of a block."""

    number: int
    hash: Hash
    parent: Hash
    #: Unix seconds.
    timestamp: int
    base_fee: int = 0


class Fees(EvmRecord):
    """The fees that a transaction offers for each unit of gas, in wei (EIP-1559)."""

    base_fee: int
    priority: int
    max_fee: int


class BalanceChange(EvmRecord):
    """A change of one balance of an account by a simulated transaction."""

    account: Address
    #: "ETH" or the token's address.
    asset: str
    symbol: str
    decimals: int
    change: int
    #: False where no node could simulate it, and it was read from the transaction itself.
    is_simulated: bool = True


@dataclass(frozen=True)
class CallRequest:
    """An unsigned transaction, as a node simulates it."""

    sender: str
    to: str
    data: str = "0x"
    #: In wei.
    value: int = 0

    def params(self) -> dict[str, str]:
        """Return it as JSON-RPC names its fields."""
        return {"from": self.sender, "to": self.to, "data": self.data, "value": hex(self.value)}
