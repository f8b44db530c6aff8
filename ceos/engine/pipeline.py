"""The road of one post: write, illustrate, publish, measure.

Each stage takes the run's lease, does its work from what is stored, and hands the run on. It may be called twice,
late or by several workers at once: whoever has no right to the run does nothing. The return value names the stage to
call next.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from ceos.chain.events.posts import EventPosts
from ceos.clients.fal.client import Fal
from ceos.clients.neynar.client import Neynar
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Brief, Draft, Kind, Situation
from ceos.domain.text import fit
from ceos.errors import (
    CeosError,
    DraftRejected,
    IllegalTransition,
    InvalidInput,
    KeyRefused,
    LimitReached,
    NotFound,
    PluginError,
    RequestRefused,
    ServiceError,
    StaleLease,
    StoreUnavailable,
)
from ceos.logs import event
from ceos.mentions.responder import Conversation, Settled
from ceos.metrics.collector import MEASURE_HOURS, Measuring
from ceos.metrics.scorer import Scoring
from ceos.plugins.calls import call_strategy
from ceos.plugins.manager import Plugins
from ceos.posts.publisher import Publisher, casts_out
from ceos.posts.writer import Given, Writer
from ceos.runs.budget import Budget
from ceos.runs.cast_limit import CastLimit
from ceos.runs.deferral import PublishingHalted, RetryLater, ShuttingDown
from ceos.runs.ids import RunKind, slot_moment
from ceos.runs.ledger import Lease, Ledger
from ceos.skills.session import SkillSessions
from ceos.storage.agents import AgentStore
from ceos.storage.runs import RunStore
from ceos.trends.monitor import TrendWatch

log = logging.getLogger(__name__)

#: Each stage is tried this often, 1 s and then 2 s apart.
MAX_ATTEMPTS = 3
#: A run is put off this often without getting any further (a service that is always busy, a look-up that always fails)
#: before it fails; that takes more than an hour, for the waits grow.
MAX_DEFERRALS = 100
#: How long a run waits while its agent is paused, in seconds; resuming the agent wakes it at once.
PAUSED_RETRY_SECONDS = 30.0
#: How long a thread that has begun waits before it asks again for room in the agent's hour, in seconds.
RATE_LIMIT_RETRY_SECONDS = 60.0
#: How much of each text stays in a published run's record; the whole text is with the agent's recent casts.
RECORD_BYTES = 60


@dataclass(frozen=True)
class Tools:
    """What the pipeline works with."""

    agents: AgentStore
    runs: RunStore
    ledger: Ledger
    plugins: Plugins
    writer: Writer
    skills: SkillSessions
    fal: Fal
    neynar: Neynar
    publisher: Publisher
    budget: Budget
    limit: CastLimit
    conversation: Conversation
    trends: TrendWatch
    events: EventPosts
    measuring: Measuring
    scoring: Scoring
    clock: Clock
    signer: Callable[[Agent], str]
    review_hours: float = 24.0


class Pipeline:
    """Carries posts from their slot to their casts."""

    def __init__(self, tools: Tools) -> None:
        self._t = tools

    def write(self, run_id: str) -> Stage | None:
        """Choose a brief, write the text and freeze the draft."""
        return self._drive(run_id, Stage.WRITE, self._write)

    def illustrate(self, run_id: str) -> Stage | None:
        """Make the picture of a draft that wants one; without a picture it goes on as text."""
        return self._drive(run_id, Stage.ILLUSTRATE, self._illustrate)

    def publish(self, run_id: str) -> Stage | None:
        """Publish every part once and end the run."""
        return self._drive(run_id, Stage.PUBLISH, self._publish)

    def measure(self, run_id: str) -> None:
        """Collect the counts of a published run's casts; what cannot be read is a gap, not a zero."""
        self._t.measuring.measure(run_id)

    def preview(self, agent: Agent, slot: str, kind: Kind | None) -> Draft:
        """Return the draft the agent would write now; nothing is stored but what it cost."""
        brief = self.brief(agent, slot, kind)
        if brief is None:
            raise InvalidInput(f"The strategy {agent.strategy!r} chose to stay quiet.")
        return self._draft(agent, brief, slot, self._t.runs.recent_texts(agent.id), f"preview:{slot}")

    def brief(self, agent: Agent, slot: str, kind: Kind | None, recent: tuple[str, ...] = ()) -> Brief | None:
        """Return what the agent's strategy wants written for a slot, or None when it stays quiet."""
        strategy = self._t.plugins.strategy(agent.strategy)
        situation = Situation(
            slot=slot,
            now=slot_moment(slot) or self._t.clock.now(),
            topics=agent.persona.topics,
            recent=recent,
            kind=kind,
            weights=self._t.scoring.weights(agent, slot, strategy.shares),
            random=random.Random(f"{agent.id}|{slot}"),  # noqa: S311  # the same slot must draw the same numbers
        )
        return call_strategy(agent.strategy, lambda: strategy.brief_post(agent, situation))

    # The stages

    def _write(self, lease: Lease, agent: Agent) -> Stage | None:
        if lease.id.kind is RunKind.MENTION:
            return self._answer(lease, agent)
        if reason := self._too_late(lease, agent):
            self._end(lease, RunStatus.MISSED, reason)
            return None
        if reason := self._removed(lease) or self._t.scoring.passes_over(agent, lease.slot):
            self._end(lease, RunStatus.MISSED, reason)
            return None
        recent = self._t.runs.recent_texts(agent.id)
        brief, given = self._asked(lease, agent, tuple(recent))
        if brief is None:
            self._end(lease, RunStatus.MISSED, f"the strategy {agent.strategy!r} chose to stay quiet")
            return None
        draft = self._draft(agent, brief, lease.slot, recent, f"{lease.run_id}:{lease.fence}:text", given=given)
        log.info(
            "Draft written",
            extra=event("draft.written", kind=str(draft.kind), model=draft.model, parts=len(draft.parts)),
        )
        following = (
            self._hand_on(lease, RunStatus.WRITTEN, draft)
            if draft.image_prompt
            else self._to_publishing(lease, agent, draft)
        )
        # Only now is it frozen: whoever else wrote for this slot was refused.
        self._t.plugins.notify("draft_created", agent=agent, draft=draft)
        return following

    def _answer(self, lease: Lease, agent: Agent) -> Stage | None:
        """Decide what to do about a mention; an answer goes the way of every draft from here on."""
        outcome = self._t.conversation.decide_and_write(lease, agent)
        if isinstance(outcome, Settled):
            self._t.ledger.finish_run(lease, outcome.status, outcome.reason)
            log.info("Mention settled", extra=event(f"run.{outcome.status}", reason=outcome.reason))
            return None
        following = self._to_publishing(lease, agent, outcome)
        self._t.plugins.notify("draft_created", agent=agent, draft=outcome)
        return following

    def _asked(self, lease: Lease, agent: Agent, recent: tuple[str, ...]) -> tuple[Brief | None, Given | None]:
        """Return what is to be written, if anything, and what strangers wrote that it reacts to."""
        if lease.id.kind is RunKind.CHAIN_EVENT:
            about = self._t.events.assignment(agent, lease.run_id, lease.slot, recent)
            return (about.brief, about.given) if about else (None, None)
        if lease.id.kind is not RunKind.TREND:
            return self.brief(agent, lease.slot, lease.kind, recent), None
        assignment = self._t.trends.assignment(agent, lease.run_id, lease.slot, recent)
        return (assignment.brief, assignment.given) if assignment else (None, None)

    def _draft(
        self, agent: Agent, brief: Brief, slot: str, recent: list[str], call: str, *, given: Given | None = None
    ) -> Draft:
        """Return the text of a post, written with the help of the agent's skills."""
        skills = self._t.skills.start_session(agent, brief, slot, recent, call=call)
        return self._t.writer.write(agent, brief, recent, skills, call=call, given=given)

    def _illustrate(self, lease: Lease, agent: Agent) -> Stage | None:
        draft = _draft_of(lease)
        try:
            draft = self._with_picture(lease, agent, draft)
            log.info("Draft illustrated", extra=event("draft.illustrated", model=draft.image_model))
        except (ServiceError, LimitReached) as error:
            log.warning("No picture, publishing text only", extra=event("draft.unillustrated", error=str(error)))
            draft = draft.model_copy(update={"notes": (*draft.notes, f"no picture, text only: {error}")})
        return self._to_publishing(lease, agent, draft)

    def _publish(self, lease: Lease, agent: Agent) -> Stage | None:
        draft = _draft_of(lease)
        # A draft that a person approved may be late; one that only waited, as while its agent was paused, may not.
        if agent.approval == "auto" and lease.is_unsent and (reason := self._too_late(lease, agent)):
            self._end(lease, RunStatus.MISSED, reason)
            return None
        if reason := self._removed(lease):
            self._end(lease, RunStatus.MISSED, reason)
            return None
        signer = self._t.signer(agent)
        self._claim_places(lease, agent, draft)
        casts = self._t.publisher.publish(lease, agent, signer, draft)
        parts = tuple(part.model_copy(update={"text": fit(part.text, RECORD_BYTES)}) for part in draft.parts)
        self._t.ledger.finish_run(
            lease,
            RunStatus.PUBLISHED,
            draft=draft.model_copy(update={"parts": parts}),
            casts=casts,
            measure_seconds=self._first_measurement,
        )
        log.info("Post published", extra=event("run.published", parts=len(casts), cost_usd=round(draft.cost_usd, 6)))
        return None

    def _claim_places(self, lease: Lease, agent: Agent, draft: Draft) -> None:
        """Claim places in the agent's hour for the parts that are not out; a thread that has begun waits for them."""
        out = len(lease.hashes)
        if out == len(draft.parts):
            return
        try:
            self._t.limit.take(agent, lease.run_id, len(draft.parts), self._t.clock.now(), first=out)
        except LimitReached as error:
            if out or lease.part(0).first_sent:
                raise RetryLater(RATE_LIMIT_RETRY_SECONDS, str(error)) from None
            raise

    def _with_picture(self, lease: Lease, agent: Agent, draft: Draft) -> Draft:
        worst = self._t.fal.worst_case_usd(agent.models.image)
        with self._t.budget.reserve(
            agent, f"{lease.run_id}:{lease.fence}:image", worst, self._t.clock.now()
        ) as reservation:
            # Several models may have been tried, and what a failed try cost is not known: all of it counts.
            reservation.settle(worst)
            picture = self._t.fal.image(
                draft.image_prompt or draft.topic, model=agent.models.image, style=agent.models.style, max_usd=worst
            )
            reservation.settle(picture.cost_usd)
        first = draft.parts[0].model_copy(update={"embeds": (*draft.parts[0].embeds, picture.url)})
        return draft.model_copy(
            update={
                "parts": (first, *draft.parts[1:]),
                "image_model": picture.model,
                "cost_usd": draft.cost_usd + picture.cost_usd,
            }
        )

    # The way between the stages

    def _drive(self, run_id: str, stage: Stage, step: Callable[[Lease, Agent], Stage | None]) -> Stage | None:
        """Take the run, carry out one stage, and let every way it can end lead somewhere visible."""
        try:
            lease = self._t.ledger.begin_stage(run_id, stage)
        except IllegalTransition as error:
            log.warning("The agent cannot do this now", extra=event("run.illegal", error=str(error)))
            return None
        if lease is None:
            return None
        with self._t.ledger.hold_lease(lease):
            try:
                return self._carry_out(lease, step)
            except StaleLease:
                log.warning("Another worker has taken over", extra=event("run.fenced", stage=str(stage)))
        return None

    def _carry_out(self, lease: Lease, step: Callable[[Lease, Agent], Stage | None]) -> Stage | None:
        try:
            return step(lease, self._t.agents.agent(lease.agent_id, lease.revision))
        except (StaleLease, StoreUnavailable):
            # Nothing can be written now. The lease runs out, and the run is driven again.
            raise
        except Exception as error:
            self._settle(lease, error)
        return None

    def _settle(self, lease: Lease, error: Exception) -> None:
        """Decide what an error in a stage means for the run: wait, try again, or end it with the reason."""
        ledger = self._t.ledger
        match error:
            case PublishingHalted():
                ledger.defer_run(lease, PAUSED_RETRY_SECONDS, str(error), uses="")
            case ShuttingDown():
                ledger.defer_run(lease, 0.0, str(error), uses="")
            case RetryLater(is_limited=False):
                log.info("Run put off", extra=event("run.later", seconds=round(error.seconds, 1), reason=str(error)))
                ledger.defer_run(lease, error.seconds, str(error), uses="")
            case RetryLater() if lease.waits >= MAX_DEFERRALS:
                self._fail(lease, f"given up after waiting {MAX_DEFERRALS} times: {error}")
            case RetryLater():
                # The longer it has waited, the longer it waits, whatever a service says that is always busy.
                seconds = max(error.seconds, min(float(lease.waits), 60.0))
                log.info("Run put off", extra=event("run.later", seconds=round(seconds, 1), reason=str(error)))
                ledger.defer_run(lease, seconds, str(error), uses="wait")
            case LimitReached():
                self._end(lease, RunStatus.LIMITED, str(error))
            case DraftRejected() | RequestRefused() | NotFound() if _is_about_strangers(lease, error):
                # Nothing that strangers write may stop an agent, so it is no failure.
                draft = error.draft if isinstance(error, DraftRejected) else None
                what = "event" if lease.id.kind is RunKind.CHAIN_EVENT else "trend"
                self._end(lease, RunStatus.MISSED, f"nothing was published about the {what}: {error}", draft)
            case PluginError() if lease.id.kind is RunKind.CHAIN_EVENT:
                # A single stranger decides what stands in an event, and so what a strategy stumbles over.
                log.exception("A strategy failed at an event", extra=event("run.error", stage=str(lease.stage)))
                self._end(lease, RunStatus.MISSED, str(error))
            case DraftRejected():
                # What was written stays on record, with what skills had to do with it; a retry writes anew.
                self._fail(lease, str(error), error.draft)
            case RequestRefused() | NotFound():
                self._fail(lease, str(error))
            case _:
                if not isinstance(error, ServiceError):
                    log.exception("Unexpected error in a stage", extra=event("run.error", stage=str(lease.stage)))
                self._try_again(lease, error)

    def _try_again(self, lease: Lease, error: Exception) -> None:
        reason = str(error) if isinstance(error, CeosError) else f"{type(error).__name__} in stage {lease.stage}"
        if lease.tries + 1 >= MAX_ATTEMPTS:
            return self._fail(lease, f"given up after {MAX_ATTEMPTS} attempts: {reason}")
        wait = max(2.0**lease.tries, getattr(error, "retry_after", None) or 0.0)
        log.warning(
            "Stage failed, trying again", extra=event("run.retry", stage=str(lease.stage), seconds=wait, error=reason)
        )
        return self._t.ledger.defer_run(lease, wait, reason)

    def _to_publishing(self, lease: Lease, agent: Agent, draft: Draft) -> Stage | None:
        return self._hand_on(lease, RunStatus.REVIEW if agent.approval == "review" else RunStatus.ILLUSTRATED, draft)

    def _hand_on(self, lease: Lease, status: RunStatus, draft: Draft) -> Stage | None:
        self._t.ledger.advance_run(lease, status, draft, review_hours=self._t.review_hours)
        if status is RunStatus.REVIEW:
            log.info("Draft waits for approval", extra=event("draft.parked"))
            return None
        return Stage.ILLUSTRATE if status is RunStatus.WRITTEN else Stage.PUBLISH

    @property
    def _first_measurement(self) -> float:
        return MEASURE_HOURS[0] * 3600 / self._t.clock.speed

    def _fail(self, lease: Lease, reason: str, draft: Draft | None = None) -> None:
        self._end(lease, RunStatus.PARTIAL if lease.hashes else RunStatus.FAILED, reason, draft)

    def _end(self, lease: Lease, status: RunStatus, reason: str, draft: Draft | None = None) -> None:
        casts = casts_out(lease, lease.draft) if lease.draft else []
        self._t.ledger.finish_run(
            lease, status, reason, draft=draft, casts=casts, measure_seconds=self._first_measurement
        )
        log.warning("Run ended without a post", extra=event(f"run.{status}", reason=reason))

    def _removed(self, lease: Lease) -> str:
        """Say why a post about an event on chain is not made any more, or nothing."""
        is_asked = lease.id.kind is RunKind.CHAIN_EVENT and lease.is_unsent
        return self._t.events.removed(lease.run_id) if is_asked else ""

    def _too_late(self, lease: Lease, agent: Agent) -> str:
        """Say why a scheduled post or an answer is not made any more, or nothing."""
        if lease.id.kind is RunKind.MENTION:
            return "" if lease.is_retried else self._t.conversation.too_late(lease.run_id)
        # Who retries a dead run by command knows that it is late.
        slot = None if lease.is_retried else lease.id.moment
        late = self._t.clock.now() - slot if slot else dt.timedelta(0)
        if late <= dt.timedelta(minutes=agent.schedule.max_late_minutes):
            return ""
        return f"late by {late.total_seconds() / 60:.0f} min; the agent allows {agent.schedule.max_late_minutes}"


def _is_about_strangers(lease: Lease, error: Exception) -> bool:
    """Say whether a post about a trend or an event could not be written because of what that is."""
    return (
        lease.stage is Stage.WRITE
        and lease.id.kind in (RunKind.TREND, RunKind.CHAIN_EVENT)
        and not isinstance(error, KeyRefused)
    )


def _draft_of(lease: Lease) -> Draft:
    if lease.draft is None:
        raise NotFound(f"The draft of {lease.run_id!r} is gone; it was kept for 7 days.")
    return lease.draft
