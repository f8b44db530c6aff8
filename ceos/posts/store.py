"""Retractions in Redis: each is a run that deletes casts or takes reactions back together."""

from __future__ import annotations

import uuid
from typing import Literal, cast

from ceos.domain.base import Frozen
from ceos.errors import NotFound
from ceos.runs.ids import RunId
from ceos.runs.ledger import KEEP_DEAD_SECONDS
from ceos.storage.connection import Database, redis_errors


class RetractionStep(Frozen):
    """One step of a retraction: a cast of the agent's own, or its like or recast of another one."""

    kind: Literal["delete", "like", "recast"]
    hash: str
    #: The author of a cast that was liked or recast, where known.
    author_fid: int | None = None


class Retraction(Frozen):
    """An operator's request to delete casts or take reactions back, in the order of its steps."""

    steps: tuple[RetractionStep, ...]
    #: The run that published the casts, where known.
    run_id: str = ""
    reason: str = ""
    #: The operator.
    by: str = ""

    @property
    def record(self) -> str:
        """The sentence that stays on the record of the run."""
        deleted = sum(step.kind == "delete" for step in self.steps)
        what = f"deleted {deleted} cast{'s' * (deleted != 1)}" if deleted else "took back a reaction"
        return f"{what}, by {self.by or 'an operator'}" + (f": {self.reason}" if self.reason else "")


class RetractionStore:
    """Reads and writes retractions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_retraction(self, agent_id: str, retraction: Retraction) -> str:
        """Open the run of a retraction and return its id; raises `NotFound` for an unknown agent."""
        run = RunId.retraction(agent_id, uuid.uuid4().hex[:12])
        answer = self._database.run_script(
            "open_retraction", agent_id, run.slot, retraction.model_dump_json(), KEEP_DEAD_SECONDS * 2
        )
        if answer == "missing":
            raise NotFound(f"No agent named {agent_id[:64]!r}.")
        return str(run)

    def retraction(self, run_id: str) -> Retraction | None:
        """Return the retraction of a run, or None for a run of another kind."""
        with redis_errors():
            row = cast("str | None", self._database.client.get(f"ceos:retraction:{run_id}"))
        return Retraction.model_validate_json(row) if row else None
