"""The outcome of an error in a stage: its run is deferred, or it ends."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Literal

from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Draft
from ceos.errors import (
    AnswerUnusable,
    CeosError,
    DraftRejected,
    GateFailed,
    LimitReached,
    NotFound,
    RequestRefused,
    ServiceError,
    WrongAccount,
)
from ceos.logs import event
from ceos.posts.source import RunEnd, RunSource
from ceos.runs.deferral import PublishingHalted, RetryLater, ShuttingDown
from ceos.runs.lease import Lease

log = logging.getLogger(__name__)

#: Each stage is tried this often, 1 s and then 2 s apart.
MAX_ATTEMPTS = 3
#: A run that makes no progress is deferred this often (a service that is always busy, a look-up that always fails)
#: before it fails; that takes more than an hour, because the waits grow.
MAX_DEFERRALS = 100
#: How long a run waits while its agent is paused, in seconds; resuming the agent wakes it at once.
PAUSED_RETRY_SECONDS = 30.0


@dataclass(frozen=True)
class Deferral:
    """The run is processed again in so many seconds; that may use up an attempt of the stage, or a deferral."""

    seconds: float
    reason: str
    uses: Literal["try", "wait", ""] = ""


def outcome_of(lease: Lease, error: Exception, source: RunSource) -> Deferral | RunEnd:
    """Return the deferral or the end of a run whose stage raised an error."""
    if isinstance(error, GateFailed) and lease.tries + 1 >= MAX_ATTEMPTS:
        # As for a refused draft: the authors of trends and events must not be able to stop an agent with a slow gate.
        error = DraftRejected(f"given up after {MAX_ATTEMPTS} attempts: {error}")
    return _interruption(lease, error) or source.end_after(lease, error) or _failed_attempt(lease, error)


def _interruption(lease: Lease, error: Exception) -> Deferral | RunEnd | None:
    """Return the outcome of an error that is not a failure, or None for a failure."""
    match error:
        case PublishingHalted():
            return Deferral(PAUSED_RETRY_SECONDS, str(error))
        case ShuttingDown():
            return Deferral(0.0, str(error))
        case RetryLater():
            return _deferral(lease, error)
        case LimitReached():
            return RunEnd(RunStatus.LIMITED, str(error))
    return None


def _failed_attempt(lease: Lease, error: Exception) -> Deferral | RunEnd:
    match error:
        case DraftRejected():
            # The rejected draft stays on record, with the part that skills had in it; a retry writes anew.
            return _failure(lease, str(error), error.draft)
        case AnswerUnusable():
            # Another attempt would be paid for the same, and it is the models that failed, not the agent.
            return replace(_failure(lease, str(error)), counts=False)
        case WrongAccount():
            return replace(_failure(lease, str(error)), stops_agent=True)
        case RequestRefused() | NotFound():
            return _failure(lease, str(error))
        case ServiceError() | GateFailed():
            return _attempt(lease, error)
    log.error("Unexpected error in a stage", extra=event("run.error", stage=str(lease.stage)), exc_info=error)
    return _attempt(lease, error)


def _deferral(lease: Lease, error: RetryLater) -> Deferral | RunEnd:
    if error.is_limited and lease.deferrals >= MAX_DEFERRALS:
        given_up = _failure(lease, f"given up after waiting {MAX_DEFERRALS} times: {error}")
        # A finished text that its judge, its gate or the budget kept waiting is no failure of the agent.
        return replace(given_up, counts=lease.stage is not Stage.WRITE)
    # The longer it has waited, the longer it waits, even if the service always names a short time.
    seconds = max(error.seconds, min(float(lease.deferrals), 60.0)) if error.is_limited else error.seconds
    log.info("Run put off", extra=event("run.later", seconds=round(seconds, 1), reason=str(error)))
    return Deferral(seconds, str(error), "wait" if error.is_limited else "")


def _attempt(lease: Lease, error: Exception) -> Deferral | RunEnd:
    reason = str(error) if isinstance(error, CeosError) else f"{type(error).__name__} in stage {lease.stage}"
    if lease.tries + 1 >= MAX_ATTEMPTS:
        return _failure(lease, f"given up after {MAX_ATTEMPTS} attempts: {reason}")
    seconds = max(2.0**lease.tries, getattr(error, "retry_after", None) or 0.0)
    fields = event("run.retry", stage=str(lease.stage), seconds=seconds, error=reason)
    log.warning("Stage failed, trying again", extra=fields)
    return Deferral(seconds, reason, "try")


def _failure(lease: Lease, reason: str, draft: Draft | None = None) -> RunEnd:
    return RunEnd(RunStatus.PARTIAL if lease.hashes else RunStatus.FAILED, reason, draft)
