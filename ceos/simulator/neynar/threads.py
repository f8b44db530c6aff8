"""Neynar's conversations: a cast with the casts above and below it."""

from __future__ import annotations

from typing import Any

from ceos.simulator.neynar.reads import Reads, bad_query, integer
from ceos.simulator.wire import Handler, Reply, Request, json_reply
from ceos.simulator.world import Cast, decode_cursor, encode_cursor

#: The orders of replies; the vendor does not document its algorithm, here it sorts by likes.
_SORTS = ("chron", "desc_chron", "algorithmic")
_FOLDS = ("above", "below")


class Threads:
    """`GET /v2/farcaster/cast/conversation/`."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.world = reads.world
        self.shapes = reads.shapes

    def routes(self) -> dict[str, Handler]:
        """Paths below /v2/farcaster/."""
        return {"cast/conversation": self.conversation}

    def conversation(self, request: Request) -> Reply:
        """A cast with its replies down to `reply_depth`; the cursor is that of the direct replies."""
        root = self.reads.identified(request)
        depth = integer(request, "reply_depth", 2, 0, 5)
        limit = integer(request, "limit", 20, 1, 50)
        sort = _choice(request, "sort_type", _SORTS)
        _choice(request, "fold", _FOLDS)
        try:
            after = decode_cursor(request.param("cursor")) or 0
        except ValueError as error:
            raise bad_query("cursor", str(error)) from None
        replies = self._replies(root, sort)[after:] if depth else []
        shown = [self._with_replies(reply, depth - 1, limit, sort) for reply in replies[:limit]]
        conversation: dict[str, Any] = {"cast": self.shapes.cast(root) | {"direct_replies": shown}}
        if request.flag("include_chronological_parent_casts", False):
            conversation["chronological_parent_casts"] = [self.shapes.cast(cast) for cast in self._parents(root)]
        cursor = encode_cursor(after + limit) if len(replies) > limit else None
        return json_reply({"conversation": conversation, "next": {"cursor": cursor}})

    def _with_replies(self, cast: Cast, depth: int, limit: int, sort: str) -> dict[str, Any]:
        replies = self._replies(cast, sort)[:limit] if depth else []
        below = [self._with_replies(reply, depth - 1, limit, sort) for reply in replies]
        return self.shapes.cast(cast) | {"direct_replies": below}

    def _replies(self, cast: Cast, sort: str) -> list[Cast]:
        replies = list(self.world.latest(("children", cast.hash)))
        if sort == "algorithmic":
            return sorted(replies, key=lambda reply: -len(reply.reacted("like")))
        return replies if sort == "desc_chron" else replies[::-1]

    def _parents(self, cast: Cast) -> list[Cast]:
        """Return the casts above it, the first one first; a deleted cast hides everything above it."""
        parents: list[Cast] = []
        while cast.parent_hash and (parent := self.world.find(cast.parent_hash)):
            parents.insert(0, parent)
            cast = parent
        return parents


def _choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    value = request.param(name, choices[0])
    if value not in choices:
        raise bad_query(name, f"{name} is one of {', '.join(choices)}")
    return value
