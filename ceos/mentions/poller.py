"""Listening: what concerns an agent becomes a run, once, whether a poll or a webhook reports it.

Notifications are read newest first, down to a mark: everything up to it has been read. Some time before the mark is
read again, for a cast may show up late; what was taken before is known by its hash. A look reads a bounded number of
pages, and the next one goes on where it stopped, so that nothing is lost in a flood.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import random
import time
from collections.abc import Sequence
from typing import Literal, cast

from ceos.clients.http.rate_limit import LocallyRateLimited, in_background
from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.types import FeedCast, Notification, NotificationKind
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import AgentState
from ceos.domain.mentions import Mention
from ceos.domain.text import fit
from ceos.errors import NotFound, RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import event
from ceos.mentions.store import Ear, Inbox, Taken
from ceos.plugins.manager import Plugins
from ceos.runs.ids import RunId
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

MentionKind = Literal["mention", "reply", "quote"]
#: What an agent is told of. Likes, recasts and follows come in bundles that grow, and are no log of events.
KINDS: tuple[NotificationKind, ...] = ("mention", "reply", "quote")
#: Notifications per page, the documented maximum.
PAGE = 25
#: A look reads at most this many pages; the next one begins this many seconds later, where it stopped.
PAGES = 10
NEXT_SECONDS = 5.0
#: How long before the mark is read again, in milliseconds: nodes accept casts that are ten minutes ahead of time.
OVERLAP_MS = 900_000
#: No look waits longer than this for a service that asks for time, in seconds.
PATIENCE_SECONDS = 3600.0
#: The longest text of a cast, in bytes; names and embeds of a mention are bounded too.
TEXT_BYTES = 10_000
#: That looks wait for a place under our own limit is logged this often, in seconds.
CROWDED_SECONDS = 600.0
#: How many notifications that cannot be read a process remembers, so that each is logged once.
UNREADABLE = 1000


class Listening:
    """Hears what concerns agents, by polls (`poll`) and webhooks (`take`)."""

    def __init__(self, agents: AgentStore, inbox: Inbox, neynar: Neynar, plugins: Plugins, clock: Clock) -> None:
        self._agents = agents
        self._inbox = inbox
        self._neynar = neynar
        self._plugins = plugins
        self._clock = clock
        self._unreadable: set[tuple[str, str, str]] = set()
        self._crowded_again = 0.0

    def take(self, agent: Agent, cast: FeedCast, kind: MentionKind) -> Taken | Literal["own"]:
        """Open the run of a cast that concerns an agent, unless it is known, old, or the agent's own.

        Raises `StoreUnavailable`; the sender of a webhook should then repeat it.
        """
        if cast.author_fid == agent.fid:
            return "own"
        mention = mention_of(cast, kind)
        if cast.author is None:
            return self._put_aside(agent, mention, "it does not say who wrote it")
        taken = self._inbox.take(agent.id, mention, self._present_ms())
        if taken == "opened":
            log.info("Mention received", extra=event("mention.received", **_about(agent, mention)))
            self._plugins.notify("mention_received", agent=agent, mention=mention)
        elif taken == "ignored":
            log.warning("Too many mentions wait; one is ignored", extra=event("mention.full", **_about(agent, mention)))
        return taken

    def poll(self, agent_id: str) -> int:
        """Look at an agent's notifications and take what is new; return how many runs that opened.

        A look that fails leaves the mark where it is: the next one begins again.
        """
        try:
            agent = self._agents.agent(agent_id)
            state = self._agents.agent_statuses([agent_id])[0].state
        except NotFound:
            return 0
        ear = self._inbox.ear(agent_id)
        if ear is None or not agent.engagement.enabled or state in (AgentState.PAUSED, AgentState.ERROR):
            return 0
        try:
            with in_background():
                after, opened = self._look(agent, ear)
        except LocallyRateLimited as error:
            self._put_off(agent_id, error)
            return 0
        except ServiceError as error:
            self._note_failure(agent_id, ear, error)
            return 0
        failures = self._inbox.heard(agent_id, ear, after, seconds=NEXT_SECONDS if after.cursor else None)
        if failures:
            log.info("Mentions can be read again", extra=event("poll.recovered", agent=agent_id, failures=failures))
        return opened

    # One look

    def _look(self, agent: Agent, ear: Ear) -> tuple[Ear, int]:
        """Read pages from where the last look stopped down to the mark; return how far it came and what it opened."""
        cursor, top, again, opened = ear.cursor or None, ear.top, ear.again, 0
        for _ in range(PAGES):
            try:
                page = self._neynar.notifications(agent.fid, KINDS, PAGE, cursor)
            except RequestRefused as error:
                if cursor is None or error.status != 400:
                    raise
                if again:
                    # No cursor of this look works any longer; what lies deeper cannot be read.
                    log.warning("Mentions deep in the list cannot be read", extra=event("poll.cut", agent=agent.id))
                    return _finished(ear, top), opened
                # One that is not accepted any more; from the top, everything is found again.
                cursor, again = None, True
                continue
            times = [int(item.at.timestamp() * 1000) for item in page.items if item.at]
            if cursor is None:
                top = max([ear.mark, *(at for at in times if at <= self._latest_ms())])
            opened += self._hear(agent, page.items)
            # A whole page must be old: one backdated cast does not end the look.
            if page.cursor in (None, cursor) or (times and max(times) <= ear.mark - OVERLAP_MS):
                return _finished(ear, top), opened
            cursor = page.cursor
        return dataclasses.replace(ear, top=top, cursor=cursor or "", again=again), opened

    def _hear(self, agent: Agent, items: Sequence[Notification]) -> int:
        """Take the casts of a page, and return how many runs that opened."""
        asked_for = [item for item in items if item.kind in (*KINDS, "")]
        incomplete = [item.cast_hash for item in asked_for if item.cast_hash and not _is_whole(item.cast)]
        new = set(incomplete) - self._inbox.known(agent.id, incomplete)
        looked_up = self._neynar.full_casts(sorted(new)) if new else {}
        opened = 0
        for item in asked_for:
            found = item.cast if _is_whole(item.cast) else looked_up.get(item.cast_hash or "")
            if found is not None:
                opened += self.take(agent, found, _kind(agent, item, found)) == "opened"
            elif item.cast_hash in new:
                at = item.at or dt.datetime.fromtimestamp(self._present_ms() / 1000, dt.UTC)
                nobody = Mention(hash=item.cast_hash, author_fid=0, author_name="", text="", at=at, kind="mention")
                self._put_aside(agent, nobody, "its cast is gone or cannot be read")
            elif item.cast_hash is None:
                self._pass_over(agent, item)
        return opened

    def _put_aside(self, agent: Agent, mention: Mention, why: str) -> Taken:
        """Put a cast that nobody could answer on record as ignored."""
        taken = self._inbox.take(agent.id, mention, self._present_ms(), ignored=why)
        if taken == "ignored":
            log.warning("Mention ignored", extra=event("mention.unusable", reason=why, **_about(agent, mention)))
        return taken

    def _pass_over(self, agent: Agent, item: Notification) -> None:
        known_by = (agent.id, item.kind, str(item.at))
        if known_by not in self._unreadable:
            if len(self._unreadable) >= UNREADABLE:
                self._unreadable.clear()
            self._unreadable.add(known_by)
            log.warning(
                "A notification without a cast was passed over",
                extra=event("notification.unreadable", agent=agent.id, kind=item.kind, at=str(item.at)),
            )

    def _put_off(self, agent_id: str, error: LocallyRateLimited) -> None:
        """Look a little later, when our own limit leaves room; nothing has failed."""
        # Not all at the same moment again.
        self._inbox.put_off(agent_id, (error.retry_after or 0.0) + random.uniform(1, NEXT_SECONDS))  # noqa: S311
        if time.monotonic() > self._crowded_again:
            self._crowded_again = time.monotonic() + CROWDED_SECONDS
            log.warning("Looks at mentions wait for their turn", extra=event("poll.crowded", error=str(error)))

    def _note_failure(self, agent_id: str, ear: Ear, error: ServiceError) -> None:
        asked = error.retry_after if isinstance(error, RateLimited | ServiceUnavailable) else None
        seconds = min(asked, PATIENCE_SECONDS) if asked is not None else None
        failures = self._inbox.failed(agent_id, ear, str(error), seconds=seconds)
        # One line for a row of failures; 'ceos agent show' tells the rest.
        level = logging.WARNING if failures == 1 else logging.DEBUG
        log.log(
            level,
            "Mentions could not be read; they will be at a later look",
            extra=event("poll.failed", agent=agent_id, error=str(error)),
        )

    def _present_ms(self) -> int:
        return min(self._clock.now_ms(), int(time.time() * 1000))

    def _latest_ms(self) -> int:
        """Return the latest time a cast may carry: nodes accept ten minutes ahead; more is a mistake, not a mark."""
        return max(self._clock.now_ms(), int(time.time() * 1000)) + 600_000


def mention_of(cast: FeedCast, kind: MentionKind) -> Mention:
    """Return a cast as ceos keeps it, cut to what a cast may hold."""
    author = cast.author
    return Mention(
        hash=cast.hash,
        author_fid=author.fid if author else 0,
        author_name=fit(author.username, 100) if author else "",
        text=fit(cast.text, TEXT_BYTES),
        at=cast.at,
        parent=cast.parent_hash,
        thread=cast.thread_hash,
        kind=kind,
        author_score=author.score if author else None,
        embeds=tuple(fit(url, 500) for url in cast.embeds[:10]),
    )


def _finished(ear: Ear, top: int) -> Ear:
    """Return an ear that has heard everything up to `top`."""
    return dataclasses.replace(ear, mark=top, top=0, cursor="", again=False)


def _is_whole(found: FeedCast | None) -> bool:
    return found is not None and found.author is not None


def _kind(agent: Agent, item: Notification, found: FeedCast) -> MentionKind:
    """Return what a notification is, also where it does not say so."""
    if not item.kind:
        return "reply" if found.parent_fid == agent.fid else "mention"
    return cast("MentionKind", item.kind)


def _about(agent: Agent, mention: Mention) -> dict[str, str | int]:
    return {
        "agent": agent.id,
        "draft": str(RunId.mention(agent.id, mention.hash)),
        "kind": mention.kind,
        "author": mention.author_fid,
    }
