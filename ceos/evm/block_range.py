"""Search for logs over many blocks: the size of a range shrinks when a node refuses it and grows when it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ceos.errors import RangeRefused

if TYPE_CHECKING:
    from ceos.evm.client import EvmClient
    from ceos.evm.types import Log

#: The size of the first range, and of the largest, in blocks.
INITIAL_BLOCKS, MAX_BLOCKS = 500, 10_000
#: A range with this many logs does not grow.
MAX_LOGS = 2_000
#: A refusal is forgotten after this many answers in a row.
ANSWERS_UNTIL_RETRY = 100


class RangeSize:
    """The size of the next range.

    >>> size = RangeSize()
    >>> size.refused(500)
    >>> size.blocks
    250
    """

    def __init__(self, blocks: int = 0) -> None:
        self.blocks = min(max(blocks, 0), MAX_BLOCKS) or INITIAL_BLOCKS
        #: The largest range that was answered, and the smallest that was refused since.
        self._good, self._bad = 0, MAX_BLOCKS + 1
        self._answers = 0

    def answered(self, blocks: int, logs: int) -> None:
        """Record that the node searched `blocks` blocks and found `logs` logs."""
        if blocks < self.blocks:
            return  # the last range of a search is shorter than allowed, which tells nothing about the limit
        self._answers += 1
        if self._answers % ANSWERS_UNTIL_RETRY == 0:
            self._bad = MAX_BLOCKS + 1
        self._good = max(self._good, blocks)
        if logs < MAX_LOGS:
            # Half-way to the refused size, and not within a tenth of it.
            between = (self._good + self._bad) // 2 if self._bad - self._good > self._good // 10 + 1 else self._good
            self.blocks = min(blocks * 3 // 2 + 1, between, MAX_BLOCKS)

    def refused(self, blocks: int) -> None:
        """Record that the node refused to search `blocks` blocks, or did not answer in time."""
        self._bad, self._answers = blocks, 0
        if self._good >= blocks:
            self._good = 0
        self.blocks = max(1, self._good or blocks // 2)


def logs_between(client: EvmClient, address: str, topics: Sequence[Any], start: int, end: int) -> list[Log]:
    """Return the logs of the blocks `start` to `end`, in as many requests as the node's limit makes necessary."""
    size, found = RangeSize(), []
    while start <= end:
        last = min(start + size.blocks - 1, end)
        try:
            logs = client.logs(address, topics, start, last)
        except RangeRefused:
            if start == last:
                raise
            size.refused(last - start + 1)
            continue
        size.answered(last - start + 1, len(logs))
        found += logs
        start = last + 1
    return found
