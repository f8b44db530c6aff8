"""Neynar's notifications: casts to answer, and bundles that grow."""

from __future__ import annotations

from typing import Any

from ceos.simulator.neynar.objects import Shapes, timestamp
from ceos.simulator.neynar.reads import bad_query, fid_param, integer
from ceos.simulator.wire import Reply, Request, json_reply
from ceos.simulator.world import Cast, World, decode_cursor, encode_cursor

#: The values of the query and their names in the answer.
TYPES = {
    "follows": "follows",
    "likes": "likes",
    "recasts": "recasts",
    "mentions": "mention",
    "replies": "reply",
    "quotes": "quote",
}
#: Reactions are bundled for this many of an account's latest casts.
_BUNDLED_CASTS = 50

Entry = tuple[int, dict[str, Any]]


class Notifications:
    """`GET /v2/farcaster/notifications/`."""

    def __init__(self, world: World, shapes: Shapes) -> None:
        self.world = world
        self.shapes = shapes

    def show(self, request: Request) -> Reply:
        """One page, newest first; a bundle moves to the top each time it grows."""
        fid = fid_param(request)
        limit = integer(request, "limit", 15, 1, 25)
        kinds = request.params("type") or list(TYPES)
        if unknown := [kind for kind in kinds if kind not in TYPES]:
            raise bad_query("type", f"{unknown[0]} is not one of {', '.join(TYPES)}")
        try:
            before = decode_cursor(request.param("cursor"))
        except ValueError as error:
            raise bad_query("cursor", str(error)) from None
        entries = self._entries(fid, [TYPES[kind] for kind in kinds], before, limit + 1)
        seen = self.world.seen.get(fid, 0)
        page = [notification | {"seen": seq < seen} for seq, notification in entries[:limit]]
        cursor = encode_cursor(entries[limit - 1][0]) if len(entries) > limit else None
        unseen = sum(seq > seen for seq, _ in entries)
        return json_reply({"unseen_notifications_count": unseen, "notifications": page, "next": {"cursor": cursor}})

    def _entries(self, fid: int, kinds: list[str], before: int | None, limit: int) -> list[Entry]:
        entries: list[Entry] = []
        for kind in kinds:
            if kind in {"mention", "reply", "quote"}:
                entries += self._casts(fid, kind, before, limit)
            elif kind == "follows":
                entries += self._follows(fid)
            else:
                entries += self._reactions(fid, kind)
        entries = [entry for entry in entries if before is None or entry[0] < before]
        return sorted(entries, key=lambda entry: -entry[0])[:limit]

    def _casts(self, fid: int, kind: str, before: int | None, limit: int) -> list[Entry]:
        key = {"mention": "mention", "reply": "reply_to", "quote": "quote_of"}[kind]
        entries: list[Entry] = []
        for cast in self.world.latest((key, fid), before):
            if len(entries) == limit:
                break
            if cast.fid != fid and self._belongs(cast, fid, kind):
                notification = self._notification(kind, cast.at) | {"cast": self.shapes.cast(cast)}
                entries.append((cast.seq, notification))
        return entries

    def _belongs(self, cast: Cast, fid: int, kind: str) -> bool:
        """A reply that also mentions its addressee is shown as the configured one of the two."""
        shown = self.shapes.options["mention_in_reply"]
        if kind == "quote" or shown == "both":
            return True
        both = cast.parent_fid == fid and any(mentioned == fid for mentioned, _, _ in cast.mentions)
        return not both or kind == shown

    def _reactions(self, fid: int, kind: str) -> list[Entry]:
        entries: list[Entry] = []
        casts, _ = self.world.page([("fid", fid)], _BUNDLED_CASTS, "")
        for cast in casts:
            stamps = {who: stamp for who, stamp in cast.reacted(kind[:-1]).items() if who != fid}
            if stamps:
                short = {"object": "cast_dehydrated", "hash": cast.hash}
                people = [{"object": kind, "cast": short, "user": self.shapes.user(who)} for who in reversed(stamps)]
                seq, at = max(stamps.values())
                bundle = {"cast": self.shapes.cast(cast), "reactions": people, "count": len(people)}
                entries.append((seq, self._notification(kind, at) | bundle))
        return entries

    def _follows(self, fid: int) -> list[Entry]:
        stamps = self.world.followers.get(fid)
        if not stamps:
            return []
        people = [{"object": "follower", "user": self.shapes.user(who)} for who in reversed(stamps)]
        seq, at = max(stamps.values())
        return [(seq, self._notification("follows", at) | {"follows": people, "count": len(people)})]

    @staticmethod
    def _notification(kind: str, at: float) -> dict[str, Any]:
        return {"object": "notification", "type": kind, "most_recent_timestamp": timestamp(at), "seen": False}
