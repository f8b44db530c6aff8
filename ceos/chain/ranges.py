"""How many blocks a node is asked about at once: fewer when it refuses, more when it does not; pure."""

from __future__ import annotations

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
