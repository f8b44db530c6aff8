"""The source of runs that react to mentions."""

from __future__ import annotations

from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Draft
from ceos.errors import RequestRefused
from ceos.mentions.responder import MentionResponder
from ceos.mentions.store import MentionStore
from ceos.posts.actions import DecidedReaction
from ceos.posts.source import RunEnd, RunSource
from ceos.runs.ids import RunKind
from ceos.runs.lease import Lease


class MentionSource(RunSource):
    """Reactions to mentions: a reply, a like, a recast, or nothing."""

    kinds = (RunKind.MENTION,)

    def __init__(self, responder: MentionResponder, store: MentionStore, clock: Clock) -> None:
        super().__init__(clock)
        self._responder = responder
        self._store = store

    def assignment(self, lease: Lease, agent: Agent, recent: tuple[str, ...]) -> Draft | DecidedReaction | RunEnd:
        """Return the reply or the reaction that was decided, or the end of an ignored mention."""
        return self._responder.decide_and_write(lease, agent)

    def reaction(self, lease: Lease) -> DecidedReaction | None:
        """Return the reaction of the stored decision, or None for another decision."""
        decision, mention = self._store.decision(lease.run_id), self._store.mention(lease.run_id)
        if decision is None or mention is None or decision.action not in ("like", "recast"):
            return None
        return DecidedReaction(decision.action, mention.hash, mention.author_fid, decision.reason)

    def too_late(self, lease: Lease, agent: Agent) -> str:
        """Return the reason why a reply or a reaction is not published any more, or nothing."""
        # Before it decides, the responder itself ignores mentions that are too old.
        if lease.stage is Stage.WRITE or lease.is_retried:
            return ""
        return self._responder.too_late(lease.run_id)

    def end_after(self, lease: Lease, error: Exception) -> RunEnd | None:
        """End a run quietly whose cast was deleted before the agent reacted to it."""
        is_gone = isinstance(error, RequestRefused) and error.status == 404
        if is_gone and lease.stage is Stage.PUBLISH and lease.draft is None:
            return RunEnd(RunStatus.IGNORED, "the cast is gone")
        return None
