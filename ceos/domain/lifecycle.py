"""The two state machines, an agent's state and a run's status, as tables; the scripts in `lua/` enforce them.

agent   idle → generating → publishing → sleeping → idle, and error and paused
run     planned → written → illustrated → (review → approved) → publishing → a final status
"""

from __future__ import annotations

from enum import StrEnum


class AgentState(StrEnum):
    """The state of an agent."""

    IDLE = "idle"
    GENERATING = "generating"
    PUBLISHING = "publishing"
    SLEEPING = "sleeping"
    ERROR = "error"
    PAUSED = "paused"


#: The states into which each state may change. A busy agent returns to idle when its run is released.
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
    """Say whether an agent may change from `old` into `new`; no change is always legal."""
    return old == new or new in LEGAL[old]


class RunStatus(StrEnum):
    """The progress of a run."""

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
    #: Final statuses of a mention: it was ignored, or it was liked or recast.
    IGNORED = "ignored"
    REACTED = "reacted"
    #: Final status of a run that has deleted casts, or taken reactions back.
    RETRACTED = "retracted"

    @property
    def is_final(self) -> bool:
        """True if the run is never processed again (a partial one can be resumed by command)."""
        return self in FINAL


#: The final statuses of a run.
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
        RunStatus.RETRACTED,
    }
)


class Stage(StrEnum):
    """One step of a run, executed by the actor of the same name on the queue of the same name."""

    WRITE = "write"
    ILLUSTRATE = "illustrate"
    PUBLISH = "publish"
    MEASURE = "measure"
    #: Background tasks, not stages: their messages carry an agent's id, "-" for all, or the id of a chain task.
    LISTEN = "listen"
    TRENDS = "trends"
    COUNT = "count"
    CHAIN = "chain"


#: The next stage of a run in each status; a run in review waits for an operator.
NEXT_STAGE: dict[RunStatus, Stage] = {
    RunStatus.PLANNED: Stage.WRITE,
    RunStatus.WRITTEN: Stage.ILLUSTRATE,
    RunStatus.ILLUSTRATED: Stage.PUBLISH,
    RunStatus.APPROVED: Stage.PUBLISH,
    RunStatus.PUBLISHING: Stage.PUBLISH,
}
