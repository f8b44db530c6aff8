"""The two state machines: an agent's state and a run's stage. Pure tables; the scripts in `lua/` enforce the same
moves.

An agent:  idle → generating → publishing → sleeping → idle, plus error and paused. A run:     planned → written →
illustrated → (in review) → approved → publishing → one of the ends.
"""

from __future__ import annotations

from enum import StrEnum


class AgentState(StrEnum):
    """What an agent is doing."""

    IDLE = "idle"
    GENERATING = "generating"
    PUBLISHING = "publishing"
    SLEEPING = "sleeping"
    ERROR = "error"
    PAUSED = "paused"


#: From each state, the states it may change into. A busy agent falls back to idle when its run is handed back.
LEGAL: dict[AgentState, frozenset[AgentState]] = {
    AgentState.IDLE: frozenset(
        {AgentState.GENERATING, AgentState.PUBLISHING, AgentState.SLEEPING, AgentState.ERROR, AgentState.PAUSED}
    ),
    AgentState.GENERATING: frozenset(
        {AgentState.PUBLISHING, AgentState.SLEEPING, AgentState.IDLE, AgentState.ERROR, AgentState.PAUSED}
    ),
    AgentState.PUBLISHING: frozenset({AgentState.SLEEPING, AgentState.IDLE, AgentState.ERROR, AgentState.PAUSED}),
    AgentState.SLEEPING: frozenset({AgentState.IDLE, AgentState.ERROR, AgentState.PAUSED}),
    AgentState.ERROR: frozenset({AgentState.IDLE, AgentState.PAUSED}),
    AgentState.PAUSED: frozenset({AgentState.IDLE}),
}


def is_legal(old: AgentState, new: AgentState) -> bool:
    """Say whether an agent may change from `old` into `new`; staying where it is always may."""
    return old == new or new in LEGAL[old]


class RunStatus(StrEnum):
    """How far a run has come."""

    PLANNED = "planned"
    WRITTEN = "written"
    ILLUSTRATED = "illustrated"
    REVIEW = "review"
    APPROVED = "approved"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    REJECTED = "rejected"
    FAILED = "failed"
    PARTIAL = "partial"
    LIMITED = "limited"
    MISSED = "missed"
    EXPIRED = "expired"
    #: Ends of a mention: nothing was done about it, or it was liked or recast.
    IGNORED = "ignored"
    REACTED = "reacted"

    @property
    def is_final(self) -> bool:
        """A final run is never driven again (a partial one can be resumed by command)."""
        return self in FINAL


#: The ends of a run.
FINAL = frozenset(
    {
        RunStatus.PUBLISHED,
        RunStatus.REJECTED,
        RunStatus.FAILED,
        RunStatus.PARTIAL,
        RunStatus.LIMITED,
        RunStatus.MISSED,
        RunStatus.EXPIRED,
        RunStatus.IGNORED,
        RunStatus.REACTED,
    }
)


class Stage(StrEnum):
    """One step of a run, carried out by the actor of the same name on the queue of the same name."""

    WRITE = "write"
    ILLUSTRATE = "illustrate"
    PUBLISH = "publish"
    MEASURE = "measure"
    #: These are not stages of a run: they carry an agent's id, "-" for all, or the name of something on chain.
    LISTEN = "listen"
    TRENDS = "trends"
    COUNT = "count"
    CHAIN = "chain"


#: Which stage comes next for a run of this status; a run in review waits for a person.
NEXT_STAGE: dict[RunStatus, Stage] = {
    RunStatus.PLANNED: Stage.WRITE,
    RunStatus.WRITTEN: Stage.ILLUSTRATE,
    RunStatus.ILLUSTRATED: Stage.PUBLISH,
    RunStatus.APPROVED: Stage.PUBLISH,
    RunStatus.PUBLISHING: Stage.PUBLISH,
}
