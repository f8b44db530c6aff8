"""Run sources: each kind of run answers the questions of the pipeline in a source that its feature registers."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any, ClassVar

from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Draft, Situation
from ceos.domain.schedule import spread_ms
from ceos.errors import DraftRejected, KeyRefused, NotFound, RequestRefused
from ceos.posts.actions import DecidedReaction
from ceos.posts.assignment import Assignment
from ceos.posts.store import Retraction
from ceos.runs.ids import RunKind, slot_moment
from ceos.runs.lease import Lease


@dataclass(frozen=True)
class RunEnd:
    """The end of a run: its last status, the reason, and the draft that stays on record if it is not the run's own."""

    status: RunStatus
    reason: str
    draft: Draft | None = None
    #: Whether a failure counts against the agent, which stops after three in a row.
    counts: bool = True
    #: Whether the agent changes into the state error: it must not go on before an operator has looked.
    stops_agent: bool = False


class RunSource:
    """The source of one kind of run, or of several; override the answers that differ.

    Example::

        class PlannedSource(RunSource):
            kinds = (RunKind.PLAN,)

            def assignment(self, lease, agent, recent):
                return Assignment(Brief.text(self._plans[lease.run_id]))
    """

    #: The kinds of runs that this source answers for.
    kinds: ClassVar[tuple[RunKind, ...]] = ()

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def assignment(
        self, lease: Lease, agent: Agent, recent: tuple[str, ...]
    ) -> Assignment | Draft | DecidedReaction | RunEnd:
        """Return what the agent publishes: a post to be written, a finished draft, a reaction; or the run's end.

        `recent` are the texts of the agent's last casts.
        """
        raise NotImplementedError

    def reaction(self, lease: Lease) -> DecidedReaction | None:
        """Return the reaction that was decided in the write stage, for a run without a draft."""
        return None

    def retraction(self, lease: Lease) -> Retraction | None:
        """Return the retraction of the run, or None for a run that publishes something."""
        return None

    def too_late(self, lease: Lease, agent: Agent) -> str:
        """Return the reason why it is too late for this run, or nothing."""
        # An operator who retries a dead run knows that it is late.
        moment = None if lease.is_retried else lease.id.moment
        late = self._clock.now() - moment if moment else dt.timedelta(0)
        if moment and lease.id.kind is RunKind.SCHEDULE:
            late -= dt.timedelta(milliseconds=spread_ms(agent.id, agent.schedule, int(lease.slot)))
        if late <= dt.timedelta(minutes=agent.schedule.max_late_minutes):
            return ""
        return f"late by {late.total_seconds() / 60:.0f} min; the agent allows {agent.schedule.max_late_minutes}"

    def withdrawn(self, lease: Lease) -> str:
        """Return the reason why nothing is published about the occasion of this run any more, or nothing."""
        return ""

    def end_after(self, lease: Lease, error: Exception) -> RunEnd | None:
        """Return the end of the run after an error that does not count against the agent, or None for other errors."""
        return None

    def _situation(self, agent: Agent, slot: str, recent: tuple[str, ...], **more: Any) -> Situation:
        return Situation(
            slot=slot,
            now=slot_moment(slot) or self._clock.now(),
            topics=agent.persona.topics,
            recent=recent,
            random=random.Random(f"{agent.id}|{slot}"),  # noqa: S311  # the same slot must draw the same numbers
            **more,
        )


def stays_quiet(agent: Agent) -> RunEnd:
    """Return the end of a run for which the agent's strategy has no brief."""
    return RunEnd(RunStatus.MISSED, f"the strategy {agent.strategy!r} chose to stay quiet")


def unwritable(subject: str, lease: Lease, error: Exception) -> RunEnd | None:
    """Return the end of a run whose untrusted subject, such as "trend", kept a post from being written.

    It is not a failure, because third parties must not be able to stop an agent.
    """
    is_about_subject = isinstance(error, DraftRejected | RequestRefused | NotFound) and not isinstance(
        error, KeyRefused
    )
    if lease.stage is not Stage.WRITE or not is_about_subject:
        return None
    draft = error.draft if isinstance(error, DraftRejected) else None
    return RunEnd(RunStatus.MISSED, f"nothing was published about the {subject}: {error}", draft)
