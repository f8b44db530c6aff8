"""The history of metadata: a registry returns only the present value, which its owner can replace."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ceos.chain.erc8004.registries import IDENTITY, Registries
from ceos.errors import ServiceUnavailable
from ceos.evm.block_range import logs_between

if TYPE_CHECKING:
    from ceos.evm.client import EvmClient


@dataclass(frozen=True)
class MetadataWrite:
    """One transaction that wrote a value."""

    value: bytes
    block: int
    at: dt.datetime
    tx_hash: str


def metadata_writes(registries: Registries, number: int, key: str, since: dt.datetime) -> list[MetadataWrite]:
    """Return every write of a key of a number since a moment, oldest first.

    All blocks since then are searched, some thousand at a time, which takes minutes for a week long past.
    """
    client, changed = registries.client, registries.abi(IDENTITY).event("MetadataSet")
    topics = changed.topics({"agentId": number, "indexedMetadataKey": key})
    head = client.head().number
    found = logs_between(client, registries.address(IDENTITY), topics, _first_block(client, since, head), head)
    return [
        MetadataWrite(
            bytes.fromhex(changed.decode(log)["metadataValue"][2:]), log.block, _time(client, log.block), log.tx_hash
        )
        for log in sorted(found, key=lambda log: (log.block, log.index))
    ]


def _first_block(client: EvmClient, since: dt.datetime, head: int) -> int:
    """Return the first block at or after a moment, or the one after the head."""
    low, high = 0, head + 1
    while low < high:
        middle = (low + high) // 2
        if _time(client, middle) < since:
            low = middle + 1
        else:
            high = middle
    return low


def _time(client: EvmClient, number: int) -> dt.datetime:
    block = client.block(number)
    if block is None:
        raise ServiceUnavailable(f"The node does not have block {number}, a part of the chain; use another node.")
    return dt.datetime.fromtimestamp(block.timestamp, dt.UTC)
