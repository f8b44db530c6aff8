"""The position of a subscription on the chain, and delivered events in the short form in which they are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ceos.domain.chain_event import ChainEvent

#: An event that is longer as JSON is stored with its strings and lists cut, to the first of `CUT_SIZES` (characters and
#: items) that makes it fit.
MAX_EVENT_BYTES = 4_000
CUT_SIZES = ((200, 20), (60, 5), (20, 1))


class Checkpoint(NamedTuple):
    """A block that was read to its end."""

    block: int
    hash: str

    def __str__(self) -> str:
        return f"{self.block}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Return a checkpoint from its stored form."""
        block, _, hash = text.partition(":")
        return cls(int(block), hash)


class EventCursor(NamedTuple):
    """The event whose delivery began last."""

    block: int
    #: The index of its log in the block.
    log_index: int
    hash: str
    #: Whether the delivery is known to have ended.
    is_done: bool = False

    def __str__(self) -> str:
        return f"{self.block}:{self.log_index}:{self.hash}" + (":done" if self.is_done else "")

    @classmethod
    def parse(cls, text: str) -> EventCursor:
        """Return a cursor from its stored form."""
        block, log_index, hash, *rest = text.split(":")
        return cls(int(block), int(log_index), hash, bool(rest))


@dataclass
class PollSession:
    """The lease of one worker on a subscription, and the subscription's progress."""

    name: str
    key: str
    token: str
    lease_ms: int
    #: The first block that counts, and the next one to read; None before the first poll.
    start: int | None = None
    next_block: int | None = None
    checkpoint: Checkpoint | None = None
    #: None when no delivery has begun in `next_block` or later.
    cursor: EventCursor | None = None
    #: How often the event at the cursor, or its removal, was delivered again after a worker died.
    retry_count: int = 0
    #: The newest block that stays, while a re-org is being announced.
    fork_block: int | None = None
    #: The event that was announced as removed last, in its stored form.
    rolled_back: str = ""
    delivered: int = 0
    removed: int = 0
    #: The number of logs that do not fit the event whose topic they carry.
    malformed: int = 0
    #: How many blocks are requested from a node at once.
    range_blocks: int = 0
    #: The number of polls in a row that ended with an error.
    failures: int = 0
    #: The newest block that was seen.
    head: int | None = None
    #: Why the subscription makes no progress, as a sentence.
    reason: str = ""
    is_leased: bool = field(default=False, compare=False)


def stored_event(event: ChainEvent) -> str:
    """Return an event in its stored form: its block, and its JSON."""
    return f"{event.block} {short_json(event)}"


def parse_event(entry: str) -> ChainEvent:
    """Return an event from its stored form."""
    return ChainEvent.model_validate_json(entry.partition(" ")[2])


def short_json(event: ChainEvent) -> str:
    """Return an event as JSON of limited length: its strings are written by third parties.

    A value that is cut keeps its type, because plugins and strategies rely on the types.
    """
    text = event.model_dump_json(exclude={"repeated"})
    for characters, items in CUT_SIZES:
        if len(text) <= MAX_EVENT_BYTES:
            break
        args = {name: _cut(value, characters, items) for name, value in event.args.items()}
        text = event.model_copy(update={"args": args}).model_dump_json(exclude={"repeated"})
    return text


def _cut(value: Any, characters: int, items: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= characters else value[:characters] + "…"
    if isinstance(value, list):
        return [_cut(one, characters, items) for one in value[:items]]
    if isinstance(value, dict):
        return {name: _cut(one, characters, items) for name, one in value.items()}
    return value
