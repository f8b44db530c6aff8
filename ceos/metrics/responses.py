"""The responses to a cast by others: casts and reactions of the agent itself and of its siblings never count.

Neynar's counts include all accounts. Its count of replies includes the next part of a thread and the agent's own
answers, and with several agents in one installation, those of siblings. So the accounts behind the responses are
listed, and those of the operator are left out.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable

from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.types import CastCounts, Responses
from ceos.domain.posts import CastMetrics
from ceos.errors import ServiceError
from ceos.logs import event
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

#: Makes a call, and may wait for it.
Ask = Callable[[Callable[[], Responses | None]], Responses | None]


class ResponseCounter:
    """Counts likes, recasts, replies and quotes by accounts that are not agents of this installation."""

    def __init__(self, agents: AgentStore, neynar: Neynar, ask: Ask) -> None:
        self._agents = agents
        self._neynar = neynar
        self._ask = ask

    def count(self, hash: str, found: CastCounts, at: dt.datetime, *, has_next_part: bool) -> CastMetrics:
        """Return the counts of a cast by others.

        `has_next_part` is True if the agent's own next part answers the cast. Beyond `MAX_LISTED` responses, and where
        they cannot be listed, the result is the service's count less the known own responses. Quotes, which the service
        does not count, are unknown if they cannot be listed.
        """
        replies = max(0, found.replies - int(has_next_part))
        # This saves a request for each part of a thread that no other account answered.
        if replies and (answers := self._list(hash, lambda: self._neynar.replies(hash))):
            own = self._own(answers)["reply"]
            replies = len(answers.items) - own if answers.is_complete else max(0, min(replies, found.replies - own))
        likes, recasts = found.likes, found.recasts
        if (likes or recasts) and (listed := self._list(hash, lambda: self._neynar.reactions(hash))):
            own_reactions = self._own(listed)
            likes, recasts = max(0, likes - own_reactions["like"]), max(0, recasts - own_reactions["recast"])
        return CastMetrics(
            hash=hash,
            likes=likes,
            recasts=recasts,
            replies=replies,
            quotes=self._quotes(hash),
            at=at,
        )

    def _quotes(self, hash: str) -> int | None:
        try:
            quotes = self._ask(lambda: self._neynar.quotes(hash))
        except ServiceError as error:
            log.warning("Quotes could not be counted", extra=event("quotes.gap", hash=hash, error=str(error)))
            return None
        return len(quotes.items) - self._own(quotes)["quote"] if quotes else None

    def _list(self, hash: str, call: Callable[[], Responses | None]) -> Responses | None:
        try:
            return self._ask(call)
        except ServiceError as error:
            log.warning("Responses could not be listed", extra=event("responses.gap", hash=hash, error=str(error)))
            return None

    def _own(self, responses: Responses) -> Counter[str]:
        """Return how many of the responses, by kind, come from agents of this installation."""
        fids = [one.fid for one in responses.items if one.fid is not None]
        ours = self._agents.agents_of(fids) if fids else {}
        return Counter(one.kind for one in responses.items if one.fid in ours)
