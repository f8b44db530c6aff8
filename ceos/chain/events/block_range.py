"""How many blocks a node is asked about at once: fewer when it refuses, more when it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ceos.errors import RangeRefused

if TYPE_CHECKING:
    from ceos.evm.client import BaseChain
    from ceos.evm.types import Log

#: Where it begins, and the most that is ever asked for.
FIRST, MOST = 500, 10_000
#: So many logs in one answer are enough; a range that brings more does not grow.
ENOUGH_LOGS = 2_000
#: After so many answers in a row it is forgotten what was refused.
FORGET = 100


class RangeSize:
    """The size of the next range.

    >>> size = RangeSize()
    >>> size.refused(500)
    >>> size.blocks
    250
    """

    def __init__(self, blocks: int = 0) -> None:
        self.blocks = min(max(blocks, 0), MOST) or FIRST
        #: The most that was answered, and the least that was refused since.
        self._good, self._bad = 0, MOST + 1
        self._answers = 0

    def answered(self, blocks: int, logs: int) -> None:
        """Note that the node has searched so many blocks and found so many logs."""
        if blocks < self.blocks:
            return  # there were no more, which says nothing
        self._answers += 1
        if self._answers % FORGET == 0:
            self._bad = MOST + 1
        self._good = max(self._good, blocks)
        if logs < ENOUGH_LOGS:
            # Half-way to what was refused, and no nearer than a tenth.
            between = (self._good + self._bad) // 2 if self._bad - self._good > self._good // 10 + 1 else self._good
            self.blocks = min(blocks * 3 // 2 + 1, between, MOST)

    def refused(self, blocks: int) -> None:
        """Note that the node has refused to search so many blocks, or not answered in time."""
        self._bad, self._answers = blocks, 0
        if self._good >= blocks:
            self._good = 0
        self.blocks = max(1, self._good or blocks // 2)


def logs_between(client: BaseChain, address: str, topics: Sequence[Any], start: int, end: int) -> list[Log]:
    """Return the logs from one block to another, however few of them the node searches at once."""
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
