"""Parses the untrusted JSON of nodes into our types; anything else is a `ServiceUnavailable`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ceos.errors import ServiceUnavailable
from ceos.evm.abi_values import address_text
from ceos.evm.types import Block, Log, Receipt

_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_DATA = re.compile(r"0x(?:[0-9a-f]{2})*")
#: Block numbers, gas and times are smaller.
_MAX_COUNT = 2**53


def unreadable(what: str) -> ServiceUnavailable:
    """Return the error for an answer without the requested value."""
    return ServiceUnavailable(f"The node's answer holds no usable {what}.")


def number(value: Any, what: str = "number") -> int:
    """Return a non-negative integer of at most 256 bits."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise unreadable(what)
    return int(value, 16)


def count(value: Any, what: str = "number") -> int:
    """Return a block number, an amount of gas or a time."""
    found = number(value, what)
    if found >= _MAX_COUNT:
        raise unreadable(what)
    return found


def data(value: Any, what: str = "data") -> str:
    """Return bytes as lower-case hex."""
    if not isinstance(value, str) or not _DATA.fullmatch(value := value.lower()):
        raise unreadable(what)
    return value


def hash_of(value: Any, what: str) -> str:
    """Return 32 bytes as lower-case hex."""
    if not isinstance(value, str) or not _HASH.fullmatch(value := value.lower()):
        raise unreadable(what)
    return value


def _address(value: Any) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value := value.lower()):
        raise unreadable("address")
    return address_text(bytes.fromhex(value[2:]))


def _fields(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise unreadable(what)
    return value


def block_of(value: Any, which: int | str) -> Block | None:
    """Return the requested block, or None for one that does not exist."""
    if value is None and which != "latest":
        return None
    fields = _fields(value, "block")
    height = count(fields.get("number"), "block number")
    if isinstance(which, int) and height != which:
        raise unreadable(f"block {which}")
    return Block(
        number=height,
        hash=hash_of(fields.get("hash"), "block hash"),
        parent=hash_of(fields.get("parentHash"), "parent hash"),
        timestamp=count(fields.get("timestamp"), "time"),
        base_fee=number(fields.get("baseFeePerGas") or "0x0", "base fee"),
    )


def base_fee_of(value: Any) -> int | None:
    """Return the base fee of a possibly pending block, or None where the node reports none."""
    fee = value.get("baseFeePerGas") if isinstance(value, Mapping) else None
    return None if fee is None else number(fee, "base fee")


def log_of(value: Any) -> Log:
    """Return one log."""
    fields = _fields(value, "log")
    topics = fields.get("topics")
    if not isinstance(topics, list) or len(topics) > 4:
        raise unreadable("topics")
    # The fields are validated above; the validation of the model would take eight times as long.
    return Log.model_construct(
        address=_address(fields.get("address")),
        topics=tuple([hash_of(topic, "topic") for topic in topics]),
        data=data(fields.get("data")),
        block=count(fields.get("blockNumber"), "block number"),
        block_hash=hash_of(fields.get("blockHash"), "block hash"),
        tx_hash=hash_of(fields.get("transactionHash"), "transaction hash"),
        index=count(fields.get("logIndex"), "log index"),
        removed=fields.get("removed") is True,
    )


def logs_of(value: Any) -> list[Log]:
    """Return logs in the order of the chain."""
    if not isinstance(value, list):
        raise unreadable("list of logs")
    return sorted([log_of(one) for one in value], key=lambda log: (log.block, log.index))


def logs_within(value: Any, addresses: frozenset[str], start: int, end: int) -> list[Log]:
    """Return logs of these addresses (of any, if empty) and blocks; any other log makes the answer unusable."""
    found = logs_of(value)
    if found and not start <= found[0].block <= found[-1].block <= end:
        raise unreadable(f"logs of the blocks {start} to {end}: others are among them")
    if addresses and any(log.address not in addresses for log in found):
        raise unreadable("logs: those of other contracts are among them")
    return found


def receipt_of(value: Any, tx_hash: str) -> Receipt | None:
    """Return the receipt of a transaction, or None for one that is not mined."""
    if value is None:
        return None
    fields = _fields(value, "receipt")
    if fields.get("blockHash") is None:
        # Some nodes also answer for pending transactions.
        return None
    if hash_of(fields.get("transactionHash"), "transaction hash") != tx_hash.lower():
        raise unreadable("receipt of this transaction")
    status = number(fields.get("status"), "status")
    if status > 1:
        raise unreadable("status")
    return Receipt(
        tx_hash=tx_hash.lower(),
        block=count(fields.get("blockNumber"), "block number"),
        block_hash=hash_of(fields.get("blockHash"), "block hash"),
        succeeded=status == 1,
        gas_used=count(fields.get("gasUsed"), "gas"),
        gas_price=number(fields.get("effectiveGasPrice") or "0x0", "gas price"),
        l1_fee=number(fields.get("l1Fee") or "0x0", "L1 fee"),
        logs=tuple(logs_of(fields.get("logs") or [])),
    )
