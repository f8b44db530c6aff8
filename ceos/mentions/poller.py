"""The reception of mentions: a cast that concerns an agent becomes a run once, whether a poll or a webhook reports it.

Notifications are read newest first, down to a watermark. Some time before the watermark is read again, because a cast
may appear late; casts received before are known by their hashes. A poll reads a bounded number of pages, and the next
one continues where it stopped, so that nothing is lost in a flood.
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
from ceos.mentions.store import MentionStore, NotificationCursor, ReceiveResult
from ceos.plugins.manager import Plugins
from ceos.runs.ids import RunId
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

MentionKind = Literal["mention", "reply", "quote"]
#: The kinds of notifications that are read. Likes, recasts and follows come in bundles that grow, not as single events.
KINDS: tuple[NotificationKind, ...] = ("mention", "reply", "quote")
#: Notifications per page, the documented maximum.
PAGE_SIZE = 25
#: A poll reads at most this many pages; the next one continues this many seconds later.
MAX_PAGES = 10
CONTINUE_SECONDS = 5.0
#: The time before the watermark that is read again, in milliseconds: nodes accept casts dated ten minutes ahead.
OVERLAP_MS = 900_000
#: The longest wait for a service that asks for time, in seconds.
MAX_WAIT_SECONDS = 3600.0
#: The longest stored text of a cast, in bytes; names and embeds of a mention are bounded too.
MAX_TEXT_BYTES = 10_000
#: Polls that wait for our own request limit are logged once in this time, in seconds.
LOG_INTERVAL_SECONDS = 600.0
#: The number of unreadable notifications that a process remembers, so that each is logged once.
MAX_UNREADABLE = 1000


class MentionPoller:
    """Receives the mentions of agents, by polls (`poll`) and webhooks (`receive_cast`)."""

    def __init__(self, agents: AgentStore, store: MentionStore, neynar: Neynar, plugins: Plugins, clock: Clock) -> None:
        self._agents = agents
        self._store = store
        self._neynar = neynar
        self._plugins = plugins
        self._clock = clock
        self._unreadable: set[tuple[str, str, str]] = set()
        self._log_again = 0.0

    def receive_cast(self, agent: Agent, cast: FeedCast, kind: MentionKind) -> ReceiveResult | Literal["own"]:
        """Open the run of a cast that concerns an agent, unless it was received before, is old, or the agent's own.

        Raises `StoreUnavailable`; the sender of a webhook should then repeat it.
        """
        if cast.author_fid == agent.fid:
            return "own"
        mention = mention_of(cast, kind)
        if cast.author is None:
            return self._record_ignored(agent, mention, "it does not name its author")
        result = self._store.receive_mention(agent.id, mention, self._present_ms())
        if result == "opened":
            log.info("Mention received", extra=event("mention.received", **_about(agent, mention)))
            self._plugins.notify("mention_received", agent=agent, mention=mention)
        elif result == "ignored":
            log.warning("Too many mentions wait; one is ignored", extra=event("mention.full", **_about(agent, mention)))
        return result

    def poll(self, agent_id: str) -> int:
        """Read an agent's notifications and receive the new ones; return the number of opened runs.

        A failed poll leaves the cursor as it is, so the next one repeats it.
        """
        try:
            agent = self._agents.agent(agent_id)
            state = self._agents.agent_statuses([agent_id])[0].state
        except NotFound:
            return 0
        cursor = self._store.cursor(agent_id)
        if cursor is None or not agent.engagement.enabled or state in (AgentState.PAUSED, AgentState.ERROR):
            return 0
        try:
            with in_background():
                after, opened = self._read_pages(agent, cursor)
        except LocallyRateLimited as error:
            self._postpone(agent_id, error)
            return 0
        except ServiceError as error:
            self._save_failure(agent_id, cursor, error)
            return 0
        soon = CONTINUE_SECONDS if after.page_cursor else None
        failures = self._store.save_poll(agent_id, cursor, after, seconds=soon)
        if failures:
            log.info("Mentions can be read again", extra=event("poll.recovered", agent=agent_id, failures=failures))
        return opened

    # One poll

    def _read_pages(self, agent: Agent, before: NotificationCursor) -> tuple[NotificationCursor, int]:
        """Read pages down to the watermark; return the new cursor and the number of opened runs."""
        cursor, top, restarted, opened = before.page_cursor or None, before.next_watermark, before.restarted, 0
        for _ in range(MAX_PAGES):
            try:
                page = self._neynar.notifications(agent.fid, KINDS, PAGE_SIZE, cursor)
            except RequestRefused as error:
                if cursor is None or error.status != 400:
                    raise
                if restarted:
                    # No page cursor of this poll works any longer, so deeper pages cannot be read.
                    log.warning("Mentions deep in the list cannot be read", extra=event("poll.cut", agent=agent.id))
                    return _finished(before, top), opened
                # The page cursor has expired; a poll from the top finds everything again.
                cursor, restarted = None, True
                continue
            times = [int(item.at.timestamp() * 1000) for item in page.items if item.at]
            if cursor is None:
                top = max([before.watermark, *(at for at in times if at <= self._latest_ms())])
            opened += self._receive_page(agent, page.items)
            # A whole page must be old: one backdated cast does not end the poll.
            if page.cursor in (None, cursor) or (times and max(times) <= before.watermark - OVERLAP_MS):
                return _finished(before, top), opened
            cursor = page.cursor
        after = dataclasses.replace(before, next_watermark=top, page_cursor=cursor or "", restarted=restarted)
        return after, opened

    def _receive_page(self, agent: Agent, items: Sequence[Notification]) -> int:
        """Receive the casts of a page; return the number of opened runs."""
        asked_for = [item for item in items if item.kind in (*KINDS, "")]
        incomplete = [item.cast_hash for item in asked_for if item.cast_hash and not _is_whole(item.cast)]
        new = set(incomplete) - self._store.received_hashes(agent.id, incomplete)
        looked_up = self._neynar.full_casts(sorted(new)) if new else {}
        opened = 0
        for item in asked_for:
            found = item.cast if _is_whole(item.cast) else looked_up.get(item.cast_hash or "")
            if found is not None:
                opened += self.receive_cast(agent, found, _kind(agent, item, found)) == "opened"
            elif item.cast_hash in new:
                at = item.at or dt.datetime.fromtimestamp(self._present_ms() / 1000, dt.UTC)
                unknown = Mention(hash=item.cast_hash, author_fid=0, author_name="", text="", at=at, kind="mention")
                self._record_ignored(agent, unknown, "its cast is gone or cannot be read")
            elif item.cast_hash is None:
                self._log_unreadable(agent, item)
        return opened

    def _record_ignored(self, agent: Agent, mention: Mention, reason: str) -> ReceiveResult:
        """Record a cast that cannot be answered as ignored."""
        result = self._store.receive_mention(agent.id, mention, self._present_ms(), ignored=reason)
        if result == "ignored":
            log.warning("Mention ignored", extra=event("mention.unusable", reason=reason, **_about(agent, mention)))
        return result

    def _log_unreadable(self, agent: Agent, item: Notification) -> None:
        identity = (agent.id, item.kind, str(item.at))
        if identity not in self._unreadable:
            if len(self._unreadable) >= MAX_UNREADABLE:
                self._unreadable.clear()
            self._unreadable.add(identity)
            log.warning(
                "A notification without a cast was skipped",
                extra=event("notification.unreadable", agent=agent.id, kind=item.kind, at=str(item.at)),
            )

    def _postpone(self, agent_id: str, error: LocallyRateLimited) -> None:
        """Poll a little later, when our own limit allows it; this is not a failure."""
        # Spread out, so that the postponed polls are not due at the same moment.
        self._store.postpone_poll(agent_id, (error.retry_after or 0.0) + random.uniform(1, CONTINUE_SECONDS))  # noqa: S311
        if time.monotonic() > self._log_again:
            self._log_again = time.monotonic() + LOG_INTERVAL_SECONDS
            log.warning("Polls for mentions wait for the request limit", extra=event("poll.crowded", error=str(error)))

    def _save_failure(self, agent_id: str, cursor: NotificationCursor, error: ServiceError) -> None:
        asked = error.retry_after if isinstance(error, RateLimited | ServiceUnavailable) else None
        seconds = min(asked, MAX_WAIT_SECONDS) if asked is not None else None
        failures = self._store.save_failed_poll(agent_id, cursor, str(error), seconds=seconds)
        # One warning for a row of failures; 'ceos agent show' has the number.
        level = logging.WARNING if failures == 1 else logging.DEBUG
        log.log(
            level,
            "Mentions could not be read; a later poll tries again",
            extra=event("poll.failed", agent=agent_id, error=str(error)),
        )

    def _present_ms(self) -> int:
        return min(self._clock.now_ms(), int(time.time() * 1000))

    def _latest_ms(self) -> int:
        """Return the latest valid time of a cast, ten minutes ahead; later times do not move the watermark."""
        return max(self._clock.now_ms(), int(time.time() * 1000)) + 600_000


def mention_of(cast: FeedCast, kind: MentionKind) -> Mention:
    """Return a cast as the mention that is stored, within the size limits."""
    author = cast.author
    return Mention(
        hash=cast.hash,
        author_fid=author.fid if author else 0,
        author_name=fit(author.username, 100) if author else "",
        text=fit(cast.text, MAX_TEXT_BYTES),
        at=cast.at,
        parent=cast.parent_hash,
        thread=cast.thread_hash,
        kind=kind,
        author_score=author.score if author else None,
        embeds=tuple(fit(url, 500) for url in cast.embeds[:10]),
    )


def _finished(before: NotificationCursor, top: int) -> NotificationCursor:
    """Return the cursor of an agent that has read everything up to `top`."""
    return dataclasses.replace(before, watermark=top, next_watermark=0, page_cursor="", restarted=False)


def _is_whole(found: FeedCast | None) -> bool:
    return found is not None and found.author is not None


def _kind(agent: Agent, item: Notification, found: FeedCast) -> MentionKind:
    """Return the kind of a notification, also where it has none."""
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
