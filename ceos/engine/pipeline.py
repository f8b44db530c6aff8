"""The path of one post: write, illustrate, publish, measure.

Each stage works from what is stored. It may be called twice, late, or by several workers at once: a call without the
right to the run does nothing. Every method returns the stage to call next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Brief, Draft
from ceos.domain.text import fit
from ceos.engine.stages import Stages
from ceos.errors import NotFound
from ceos.logs import event
from ceos.plugins.manager import Plugins
from ceos.posts.actions import DecidedReaction
from ceos.posts.assignment import Assignment
from ceos.posts.illustrator import Illustrator
from ceos.posts.publisher import Publisher
from ceos.posts.source import RunEnd, RunSource
from ceos.posts.writer import OPERATOR, Writer
from ceos.runs.lease import Lease
from ceos.storage.runs import RunStore

log = logging.getLogger(__name__)

#: How much of each text stays in a published run's record; the whole text is with the agent's recent casts.
RECORD_BYTES = 60


class Pipeline:
    """Takes runs from their occasion to their casts."""

    def __init__(
        self, *, stages: Stages, runs: RunStore, plugins: Plugins, writer: Writer, illustrator: Illustrator,
        publisher: Publisher, measure: Callable[[str], object], should_skip: Callable[[Agent, str], str],
    ) -> None:  # fmt: skip
        self._stages = stages
        self._runs = runs
        self._plugins = plugins
        self._writer = writer
        self._illustrator = illustrator
        self._publisher = publisher
        self._measure = measure
        self._should_skip = should_skip

    def write(self, run_id: str) -> Stage | None:
        """Get the assignment, write the text and freeze the draft."""
        return self._stages.process(run_id, Stage.WRITE, self._write)

    def illustrate(self, run_id: str) -> Stage | None:
        """Make the picture or the video of a draft that wants one; without it the draft goes on as text."""
        return self._stages.process(run_id, Stage.ILLUSTRATE, self._illustrate)

    def publish(self, run_id: str) -> Stage | None:
        """Carry out every action of the run once, and end the run."""
        return self._stages.process(run_id, Stage.PUBLISH, self._publish)

    def measure(self, run_id: str) -> None:
        """Collect the counts of a published run's casts."""
        self._measure(run_id)

    def preview(self, agent: Agent, brief: Brief, slot: str, watch: Callable[[str], None] | None = None) -> Draft:
        """Return the draft that the agent would write now; only its cost is stored. `watch` as for the writer."""
        recent = self._runs.recent_texts(agent.id)
        return self._writer.write(
            agent, Assignment(brief), slot=slot, recent=recent, call=f"preview:{slot}", watch=watch
        )

    # The stages

    def _write(self, lease: Lease, agent: Agent, source: RunSource) -> Stage | RunEnd | None:
        skip = source.too_late(lease, agent) or source.withdrawn(lease) or self._should_skip(agent, lease.slot)
        if skip:
            return RunEnd(RunStatus.MISSED, skip)
        self._publisher.check_signer(agent)
        recent = tuple(self._runs.recent_texts(agent.id))
        match source.assignment(lease, agent, recent):
            case RunEnd() as end:
                return end
            case DecidedReaction():
                return self._stages.advance(lease, RunStatus.ILLUSTRATED)
            case Draft() as draft:
                pass
            case Assignment() as assignment:
                self._publisher.reserve_places(lease, agent, assignment.brief.max_parts)
                call = f"{lease.run_id}:{lease.fence}:text"
                draft = self._writer.write(agent, assignment, slot=lease.slot, recent=recent, call=call, lease=lease)
                fields = event("draft.written", kind=str(draft.kind), model=draft.model, parts=len(draft.parts))
                log.info("Draft written", extra=fields)
        following = self._stages.advance(lease, RunStatus.WRITTEN if draft.image_prompt else _shown(agent), draft)
        # Only now the draft is frozen; other workers that wrote for this run were refused.
        self._writer.remember(agent, draft)
        self._plugins.notify("draft_created", agent=agent, draft=draft)
        return following

    def _illustrate(self, lease: Lease, agent: Agent, source: RunSource) -> Stage | RunEnd | None:
        if reason := source.too_late(lease, agent) or source.withdrawn(lease):
            return RunEnd(RunStatus.MISSED, reason)
        draft = self._illustrator.illustrate(lease, agent, _draft_of(lease))
        return self._stages.advance(lease, _shown(agent), draft)

    def _publish(self, lease: Lease, agent: Agent, source: RunSource) -> RunEnd | None:
        if retraction := source.retraction(lease):
            self._publisher.retract(lease, agent, retraction)
            return RunEnd(RunStatus.RETRACTED, retraction.record)
        reaction = source.reaction(lease) if lease.draft is None else None
        # An approved draft may be late; one that only waited, such as while its agent was paused, may not.
        is_approved = agent.approval == "review" and reaction is None
        late = "" if is_approved or not lease.is_unsent else source.too_late(lease, agent)
        if reason := late or (source.withdrawn(lease) if lease.is_unsent else ""):
            return RunEnd(RunStatus.MISSED, reason)
        if reaction:
            self._publisher.react(lease, agent, reaction)
            return RunEnd(RunStatus.REACTED, reaction.record)
        draft = _draft_of(lease)
        if draft.model == OPERATOR:
            self._writer.remember(agent, draft)
        casts = self._publisher.publish(lease, agent, draft)
        parts = tuple(part.model_copy(update={"text": fit(part.text, RECORD_BYTES)}) for part in draft.parts)
        self._stages.finish(lease, draft.model_copy(update={"parts": parts}), casts)
        return None


def _shown(agent: Agent) -> RunStatus:
    """Return the status of a complete draft: in review, or ready to be published."""
    return RunStatus.REVIEW if agent.approval == "review" else RunStatus.ILLUSTRATED


def _draft_of(lease: Lease) -> Draft:
    if lease.draft is None:
        raise NotFound(f"The draft of {lease.run_id!r} is gone; it was kept for 7 days.")
    return lease.draft
