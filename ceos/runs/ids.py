"""The ids of runs: the only Python code that knows their grammar. `lua/lib.lua` is its counterpart in scripts.

    {agent}:{ms}                            a slot of the schedule, UTC milliseconds
    {agent}:m:{key}                         a manual post under a key of its own
    {agent}:r:{cast hash}                   a reaction to a mention
    {agent}:t:{topic}:{ms}                  a post about a trend
    {agent}:e:{subscription}:{event}:{ms}   a post about an event on chain
    {agent}:d:{key}                         casts or reactions that an operator takes back

The part after the agent is the slot of the run. The id of a run is also the id of its draft.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class RunKind(StrEnum):
    """The source that a run comes from."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    MENTION = "mention"
    TREND = "trend"
    CHAIN_EVENT = "chain event"
    RETRACTION = "retraction"


#: The slots of each kind begin so; those of the schedule are plain numbers.
_PREFIXES = {
    RunKind.MANUAL: "m",
    RunKind.MENTION: "r",
    RunKind.TREND: "t",
    RunKind.CHAIN_EVENT: "e",
    RunKind.RETRACTION: "d",
}
_KINDS = {prefix: kind for kind, prefix in _PREFIXES.items()}


@dataclass(frozen=True)
class RunId:
    """The id of a run in its parts; `str()` returns the id as it is stored.

    Example::

        RunId.mention("ada", "0xabc")        # str(...) == "ada:r:0xabc"
        RunId.parse("ada:1772442000000").moment
    """

    agent_id: str
    slot: str

    @classmethod
    def parse(cls, value: str) -> RunId:
        """Return the parts of an id; a text that is not an id has an empty slot."""
        agent_id, _, slot = value.partition(":")
        return cls(agent_id, slot)

    @classmethod
    def scheduled(cls, agent_id: str, slot_ms: int) -> RunId:
        """Return the id of the run for a slot of the schedule."""
        return cls(agent_id, str(slot_ms))

    @classmethod
    def manual(cls, agent_id: str, key: str) -> RunId:
        """Return the id of a post that an operator asks for; the same key is the same post."""
        return cls._of(RunKind.MANUAL, agent_id, key)

    @classmethod
    def mention(cls, agent_id: str, cast_hash: str) -> RunId:
        """Return the id of the run in which an agent reacts to a cast."""
        return cls._of(RunKind.MENTION, agent_id, cast_hash)

    @classmethod
    def trend(cls, agent_id: str, topic: str, at_ms: int) -> RunId:
        """Return the id of a post about a trend that an agent takes up at a moment."""
        return cls._of(RunKind.TREND, agent_id, topic, at_ms)

    @classmethod
    def chain_event(cls, agent_id: str, subscription: str, event: str, at_ms: int) -> RunId:
        """Return the id of a post about an event, given by its short digest."""
        return cls._of(RunKind.CHAIN_EVENT, agent_id, subscription, event, at_ms)

    @classmethod
    def retraction(cls, agent_id: str, key: str) -> RunId:
        """Return the id of the run that takes casts or reactions back."""
        return cls._of(RunKind.RETRACTION, agent_id, key)

    @classmethod
    def _of(cls, kind: RunKind, agent_id: str, *parts: str | int) -> RunId:
        return cls(agent_id, ":".join(map(str, (_PREFIXES[kind], *parts))))

    def __str__(self) -> str:
        return f"{self.agent_id}:{self.slot}"

    @property
    def kind(self) -> RunKind:
        """The kind of source that the run comes from."""
        return _KINDS.get(self.slot.partition(":")[0], RunKind.SCHEDULE) if ":" in self.slot else RunKind.SCHEDULE

    @property
    def moment(self) -> dt.datetime | None:
        """The moment that the run is for, or None for a manual post or a mention, which have none."""
        return slot_moment(self.slot)


def slot_moment(slot: str) -> dt.datetime | None:
    """Return the moment of a slot: that of the schedule, of a trend or of an event; None for other slots."""
    prefix, _, _ = slot.partition(":")
    number = slot.rpartition(":")[2] if _KINDS.get(prefix) in (RunKind.TREND, RunKind.CHAIN_EVENT) else slot
    return dt.datetime.fromtimestamp(int(number) / 1000, dt.UTC) if number.isdigit() else None
