"""Processing one stage of a run: the lease before it, and the end, the deferral or the next stage after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ceos.domain.agent import Agent
from ceos.domain.lifecycle import NEXT_STAGE, RunStatus, Stage
from ceos.domain.posts import Cast, Draft
from ceos.engine.outcomes import outcome_of
from ceos.engine.sources import RunSources
from ceos.errors import IllegalTransition, StaleLease, StoreUnavailable
from ceos.logs import event
from ceos.posts.publisher import published_casts
from ceos.posts.source import RunEnd, RunSource
from ceos.runs.lease import Lease
from ceos.runs.ledger import Ledger
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

#: The work of a stage; it returns the stage that follows, or the end of the run.
Step = Callable[[Lease, Agent, RunSource], Stage | RunEnd | None]


#: Ends without a post that are as expected.
_QUIET = (RunStatus.IGNORED, RunStatus.REACTED, RunStatus.RETRACTED)


class Stages:
    """Processes stages on behalf of the pipeline."""

    def __init__(self, ledger: Ledger, agents: AgentStore, sources: RunSources) -> None:
        self._ledger = ledger
        self._agents = agents
        self._sources = sources

    def process(self, run_id: str, stage: Stage, step: Step) -> Stage | None:
        """Process a stage if the run is due for it, and return the stage that follows.

        Every error becomes an end or a deferral that an operator can see.
        """
        try:
            lease = self._ledger.begin_stage(run_id, stage)
        except IllegalTransition as error:
            log.warning("The agent cannot do this now", extra=event("run.illegal", error=str(error)))
            return None
        if lease is None:
            return None
        with self._ledger.hold_lease(lease):
            try:
                return self._carry_out(lease, step)
            except StaleLease:
                log.warning("Another worker has taken over", extra=event("run.fenced", stage=str(stage)))
        return None

    def _carry_out(self, lease: Lease, step: Step) -> Stage | None:
        source = self._sources.source_of(lease)
        try:
            following = step(lease, self._agents.agent(lease.agent_id, lease.revision), source)
        except (StaleLease, StoreUnavailable):
            # Nothing can be written now. The lease runs out, and the run is processed again.
            raise
        except Exception as error:
            outcome = outcome_of(lease, error, source)
            if not isinstance(outcome, RunEnd):
                self._ledger.defer_run(lease, outcome.seconds, outcome.reason, uses=outcome.uses)
                return None
            following = outcome
        if isinstance(following, RunEnd):
            self._end(lease, following)
            return None
        return following

    def advance(self, lease: Lease, status: RunStatus, draft: Draft | None = None) -> Stage | None:
        """Freeze the draft, move the run to its next status, and return the stage that follows; none in review."""
        self._ledger.advance_run(lease, status, draft)
        if status is RunStatus.REVIEW:
            log.info("Draft waits for approval", extra=event("draft.parked"))
        return NEXT_STAGE.get(status)

    def finish(self, lease: Lease, draft: Draft, casts: Sequence[Cast]) -> None:
        """End a run whose draft is published."""
        self._ledger.finish_run(lease, RunStatus.PUBLISHED, draft=draft, casts=casts)
        fields = event("run.published", parts=len(casts), cost_usd=round(draft.cost_usd, 6))
        log.info("Post published", extra=fields)

    def _end(self, lease: Lease, end: RunEnd) -> None:
        # A cast that another account has published is not one of the agent.
        casts = published_casts(lease, lease.draft) if lease.draft and not end.stops_agent else []
        self._ledger.finish_run(
            lease, end.status, end.reason, draft=end.draft, casts=casts, counts=end.counts, stops_agent=end.stops_agent
        )
        level = logging.INFO if end.status in _QUIET else logging.WARNING
        log.log(level, "Run ended without a post", extra=event(f"run.{end.status}", reason=end.reason))
