"""The record of a run, and the grammar of run ids."""

from __future__ import annotations

import datetime as dt

from pydantic import (
    AwareDatetime,
)

from ceos.domain.base import Frozen
from ceos.domain.lifecycle import RunStatus
from ceos.domain.posts import Draft, Kind


class Run(Frozen):
    """The record of one post of one agent, from its slot to its casts."""

    id: str
    agent_id: str
    slot: str
    status: RunStatus
    #: Why it ended or waits, in a sentence; empty while all is well.
    reason: str = ""
    kind: Kind | None = None
    opened_at: AwareDatetime
    draft: Draft | None = None
    #: Hashes of the parts published so far, in order; None where a part is still missing.
    hashes: tuple[str | None, ...] = ()
    deliveries: int = 0


def slot_time(slot: str) -> dt.datetime | None:
    """Return the moment of a scheduled slot (UTC milliseconds), or None for one that no schedule has set.

    Those of trends (`t:{topic}:{ms}`) and of events on chain (`e:{subscription}:{event}:{ms}`) have one too.
    """
    number = slot.rpartition(":")[2] if slot.startswith(("t:", "e:")) else slot
    return dt.datetime.fromtimestamp(int(number) / 1000, dt.UTC) if number.isdigit() else None


def run_id(agent_id: str, slot: str) -> str:
    """Return the id of the run of `agent_id` for `slot`; it is also the id of its draft."""
    return f"{agent_id}:{slot}"


def split_run_id(value: str) -> tuple[str, str]:
    """Return (agent id, slot) of a run id."""
    agent_id, _, slot = value.partition(":")
    return agent_id, slot
