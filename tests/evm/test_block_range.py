"""Searching for logs over many blocks."""

from __future__ import annotations

from typing import Any

import pytest

from ceos.errors import RangeRefused
from ceos.evm.block_range import INITIAL_BLOCKS, MAX_BLOCKS, RangeSize, logs_between


@pytest.mark.parametrize("limit", [1, 7, 100, 500, 2000, 9_999, 50_000])
def test_range_size_approaches_the_limit_of_a_node_with_few_refusals(limit: int) -> None:
    size, answered, refusals = RangeSize(), 0, 0
    for _ in range(300):
        if size.blocks > limit:
            refusals += 1
            size.refused(size.blocks)
        else:
            answered += size.blocks
            size.answered(size.blocks, 0)
    assert refusals < 40
    assert answered >= 300 * min(limit, MAX_BLOCKS) * 0.6
    assert RangeSize().blocks == INITIAL_BLOCKS


def test_a_range_full_of_logs_does_not_grow() -> None:
    size = RangeSize()
    size.answered(INITIAL_BLOCKS, 2_000)
    assert size.blocks == INITIAL_BLOCKS
    size.answered(10, 0)
    assert size.blocks == INITIAL_BLOCKS, "a range that ended at the head tells nothing about the limit"


class LimitedNode:
    """A node that searches at most 60 blocks at once and has one log in every tenth block."""

    def __init__(self) -> None:
        self.answered: list[tuple[int, int]] = []

    def logs(self, address: str, topics: Any, start: int, end: int) -> list[int]:
        assert (address, topics) == ("0xToken", ["0xTopic"])
        if end - start + 1 > 60:
            raise RangeRefused
        self.answered.append((start, end))
        return [block for block in range(start, end + 1) if block % 10 == 0]


def test_logs_between_searches_every_block_once_in_ranges_that_the_node_allows() -> None:
    node: Any = LimitedNode()
    assert logs_between(node, "0xToken", ["0xTopic"], 7, 1_003) == list(range(10, 1_001, 10))
    covered = [block for start, end in node.answered for block in range(start, end + 1)]
    assert covered == list(range(7, 1_004))


def test_logs_between_reports_a_node_that_refuses_a_single_block() -> None:
    class Refusing:
        def logs(self, *asked: Any) -> list[int]:
            raise RangeRefused

    refusing: Any = Refusing()
    with pytest.raises(RangeRefused):
        logs_between(refusing, "0xToken", [], 5, 5)
