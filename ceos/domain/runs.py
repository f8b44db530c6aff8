"""The record of a run."""

from __future__ import annotations

from pydantic import AwareDatetime

from ceos.domain.base import Frozen
from ceos.domain.lifecycle import RunStatus
from ceos.domain.posts import Draft, Kind


class Run(Frozen):
    """The record of one post of one agent, from its slot to its casts."""

    id: str
    agent_id: str
    slot: str
    status: RunStatus
    #: The reason why it ended or waits, as a sentence; empty without one.
    reason: str = ""
    kind: Kind | None = None
    opened_at: AwareDatetime
    draft: Draft | None = None
    #: Hashes of the parts published so far, in order; None where a part is still missing.
    hashes: tuple[str | None, ...] = ()
    deliveries: int = 0
